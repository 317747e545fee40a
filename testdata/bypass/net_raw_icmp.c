/* Carries its bytes in ICMP echo requests of a raw socket; the peer's kernel sends them back.
 * To report: the peer, or that such sockets are not watched. */
#include "bypass.h"
#include <netinet/ip_icmp.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(0);
	struct icmphdr request = {.type = ICMP_ECHO, .un.echo = {.id = htons(7), .sequence = 1}};
	unsigned char answer[128];
	int fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (fd < 0)
		not_here("raw socket");
	request.checksum = (uint16_t) ~(ICMP_ECHO + htons(7) + 1);
	must(sendto(fd, &request, sizeof request, 0, (struct sockaddr *)&to, sizeof to), "send");
	do
		must(recv(fd, answer, sizeof answer, 0), "receive");
	while (answer[20] != ICMP_ECHOREPLY);
}
