/* Connects to an IPv4 address through an IPv6 socket (::ffff:a.b.c.d).
 * To report: the peer by its IPv4 address. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in6 to = peer6("::ffff:" PEER4, PEER_PORT);
	int fd = must(socket(AF_INET6, SOCK_STREAM, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
	ping(fd);
}
