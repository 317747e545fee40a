/* Sends a packet of an IP protocol of its own (RFC 3692 keeps 253 for experiments); nobody answers.
 * To report: the peer. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(0);
	int fd = socket(AF_INET, SOCK_RAW, 253);
	if (fd < 0)
		not_here("raw socket");
	must(sendto(fd, "ping", 4, 0, (struct sockaddr *)&to, sizeof to), "send");
}
