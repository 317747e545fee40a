/* Hands its call to a proxy behind a Unix socket in the file system.
 * To report: the socket's path. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_un to;
	socklen_t length = unix_name(&to, text("%s/proxy", folder));
	int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, length), "connect");
	ping(fd);
}
