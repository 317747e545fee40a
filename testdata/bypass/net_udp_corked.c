/* Speaks over UDP with the datagram put together from several calls (UDP_CORK).
 * To report: the peer and its port. */
#include "bypass.h"
#include <netinet/udp.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT);
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket"), cork = 1;
	must(setsockopt(fd, IPPROTO_UDP, UDP_CORK, &cork, sizeof cork), "cork");
	must(sendto(fd, "pi", 2, 0, (struct sockaddr *)&to, sizeof to), "send");
	must(sendto(fd, "ng", 2, 0, (struct sockaddr *)&to, sizeof to), "send");
	cork = 0;
	must(setsockopt(fd, IPPROTO_UDP, UDP_CORK, &cork, sizeof cork), "uncork");
	expect_answer(fd);
}
