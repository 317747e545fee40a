/* Hands its call to a proxy behind a Unix socket, by a relative path through a symbolic link.
 * To report: the path that the socket is bound to. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_un to;
	must(chdir(folder), "chdir");
	must(symlink("proxy", "notes.txt"), "symlink");
	socklen_t length = unix_name(&to, "./notes.txt");
	int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, length), "connect");
	ping(fd);
}
