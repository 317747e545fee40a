/* Hands its call to a proxy behind a Unix datagram socket, without connecting.
 * To report: the socket's path. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_un to, own;
	socklen_t own_length = unix_name(&own, text("%s/own", folder));
	socklen_t length = unix_name(&to, text("%s/datagrams", folder));
	int fd = must(socket(AF_UNIX, SOCK_DGRAM, 0), "socket");
	must(bind(fd, (struct sockaddr *)&own, own_length), "bind");
	must(sendto(fd, "ping", 4, 0, (struct sockaddr *)&to, length), "send");
	expect_answer(fd);
}
