/* Connects to a Unix socket by io_uring.
 * To report: the socket's path. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_un to;
	socklen_t length = unix_name(&to, text("%s/proxy", folder));
	struct ring ring = ring_new(0);
	int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
	struct io_uring_sqe *sqe = ring_next(&ring, IORING_OP_CONNECT, fd);
	sqe->addr = (uint64_t)&to;
	sqe->off = length;
	ring_once(&ring, "connect");
	ping(fd);
}
