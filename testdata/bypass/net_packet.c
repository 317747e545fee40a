/* Puts a whole frame with a UDP datagram on the wire through a packet socket, and hears the answer there too.
 * To report: the peer and its port, or that such sockets are not watched. */
#include "bypass.h"
#include <linux/if_packet.h>
#include <net/if.h>
#include <netinet/if_ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>

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
	struct sockaddr_in to = peer4(PEER_PORT);
	int fd = socket(AF_PACKET, SOCK_DGRAM, htons(ETH_P_IP));
	if (fd < 0)
		not_here("packet socket");
	struct sockaddr_ll loopback = {.sll_family = AF_PACKET,
				       .sll_protocol = htons(ETH_P_IP),
				       .sll_ifindex = (int)if_nametoindex("lo")};
	must(bind(fd, (struct sockaddr *)&loopback, sizeof loopback), "bind");
	struct {
		struct iphdr ip;
		struct udphdr udp;
		char text[4];
	} packet = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			   .saddr = to.sin_addr.s_addr, .daddr = to.sin_addr.s_addr, .tot_len = htons(32)},
		    .udp = {.source = htons(40078), .dest = htons(PEER_PORT), .len = htons(12)},
		    .text = "ping"};
	packet.ip.check = checksum(&packet.ip, sizeof packet.ip);
	must(sendto(fd, &packet, 32, 0, (struct sockaddr *)&loopback, sizeof loopback), "send");
	unsigned char answer[256];
	for (;;) {
		long length = must(recv(fd, answer, sizeof answer, 0), "receive");
		if (length >= 31 && answer[9] == IPPROTO_UDP && answer[22] == 40078 >> 8 && answer[23] == (40078 & 255) &&
		    !memcmp(answer + 28, "ok\n", 3))
			break;
	}
}
