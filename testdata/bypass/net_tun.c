/* Makes a network device of its own (TUN) and writes whole packets into it: a network stack in user space, without
 * a socket.
 * To report: the peer and its port, or that such devices are not watched. */
#include "bypass.h"
#include <linux/if_tun.h>
#include <net/if.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <sys/ioctl.h>

static uint16_t checksum(const void *bytes, int length)
{
	const uint16_t *word = bytes;
	unsigned sum = 0;
	for (; length > 1; length -= 2)
		sum += *word++;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = open("/dev/net/tun", O_RDWR), control = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	struct ifreq request = {.ifr_flags = IFF_TUN | IFF_NO_PI};
	if (fd < 0 || ioctl(fd, TUNSETIFF, &request))
		not_here("TUN device");
	struct sockaddr_in *address = (void *)&request.ifr_addr;
	*address = (struct sockaddr_in){.sin_family = AF_INET};
	inet_pton(AF_INET, "10.99.0.1", &address->sin_addr);
	must(ioctl(control, SIOCSIFADDR, &request), "address");
	inet_pton(AF_INET, "255.255.255.0", &address->sin_addr);
	must(ioctl(control, SIOCSIFNETMASK, &request), "network");
	request.ifr_flags = IFF_UP | IFF_RUNNING;
	must(ioctl(control, SIOCSIFFLAGS, &request), "up");
	struct sockaddr_in to = peer4(PEER_PORT);
	struct in_addr own;
	inet_pton(AF_INET, "10.99.0.2", &own);
	struct {
		struct iphdr ip;
		struct udphdr udp;
		char text[4];
	} packet = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			   .saddr = own.s_addr, .daddr = to.sin_addr.s_addr, .tot_len = htons(32)},
		    .udp = {.source = htons(40079), .dest = htons(PEER_PORT), .len = htons(12)},
		    .text = "ping"};
	packet.ip.check = checksum(&packet.ip, sizeof packet.ip);
	must(write(fd, &packet, 32), "write");
	unsigned char answer[2048];
	for (;;) {
		long length = must(read(fd, answer, sizeof answer), "read");
		if (length >= 31 && answer[9] == IPPROTO_UDP && !memcmp(answer + 28, "ok\n", 3))
			break;
	}
}
