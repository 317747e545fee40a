/* Sends an ICMP echo request by a socket that needs no privilege beyond the group's.
 * To report: the peer. */
#include "bypass.h"
#include <netinet/ip_icmp.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(0);
	struct icmphdr request = {.type = ICMP_ECHO, .un.echo = {.sequence = 1}};
	unsigned char answer[128];
	int fd = socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP);
	if (fd < 0)
		not_here("ping socket");
	must(sendto(fd, &request, sizeof request, 0, (struct sockaddr *)&to, sizeof to), "send");
	must(recv(fd, answer, sizeof answer, 0), "receive");
}
