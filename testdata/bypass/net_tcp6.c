/* Connects over IPv6.
 * To report: the peer and its port. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in6 to = peer6(PEER6, PEER_PORT);
	int fd = must(socket(AF_INET6, SOCK_STREAM, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
	ping(fd);
}
