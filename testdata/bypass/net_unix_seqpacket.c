/* Hands its call to a proxy behind a Unix socket of type SOCK_SEQPACKET.
 * To report: the socket's path. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_un to;
	socklen_t length = unix_name(&to, text("%s/packets", folder));
	int fd = must(socket(AF_UNIX, SOCK_SEQPACKET, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, length), "connect");
	ping(fd);
}
