/* Speaks over UDP-Lite to nobody who answers; the datagram leaves.
 * To report: the peer and its port. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT);
	int fd = socket(AF_INET, SOCK_DGRAM, 136 /* IPPROTO_UDPLITE */);
	if (fd < 0)
		not_here("UDP-Lite");
	must(sendto(fd, "ping", 4, 0, (struct sockaddr *)&to, sizeof to), "send");
}
