/* Serves on a TCP port and answers a process outside.
 * To report: that it listens, and on which port. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in own = peer4(8447);
	int ear = must(socket(AF_INET, SOCK_STREAM, 0), "socket"), one = 1;
	setsockopt(ear, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	must(bind(ear, (struct sockaddr *)&own, sizeof own), "bind");
	must(listen(ear, 4), "listen");
	/* Whoever connects here is told to by this. */
	struct sockaddr_un to;
	socklen_t length = unix_name(&to, text("%s/caller", folder));
	int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, length), "connect");
	expect_answer(must(accept(ear, NULL, NULL), "accept"));
}
