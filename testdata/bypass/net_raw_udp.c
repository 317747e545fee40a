/* Builds a UDP datagram, IP header included, in a raw socket.
 * To report: the peer and its port, or that such sockets are not watched. */
#include "bypass.h"
#include <netinet/ip.h>
#include <netinet/udp.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT), own = {.sin_family = AF_INET, .sin_port = htons(40077)};
	int ear = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	must(bind(ear, (struct sockaddr *)&own, sizeof own), "bind");
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_RAW);
	if (fd < 0)
		not_here("raw socket");
	struct {
		struct iphdr ip;
		struct udphdr udp;
		char text[4];
	} packet = {.ip = {.version = 4, .ihl = 5, .ttl = 64, .protocol = IPPROTO_UDP,
			   .saddr = to.sin_addr.s_addr, .daddr = to.sin_addr.s_addr, .tot_len = htons(32)},
		    .udp = {.source = htons(40077), .dest = htons(PEER_PORT), .len = htons(12)},
		    .text = "ping"};
	must(sendto(fd, &packet, 32, 0, (struct sockaddr *)&to, sizeof to), "send");
	expect_answer(ear);
}
