/* Connects and speaks over TCP by io_uring.
 * To report: the peer and its port. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT);
	struct ring ring = ring_new(0);
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	struct io_uring_sqe *sqe = ring_next(&ring, IORING_OP_CONNECT, fd);
	sqe->addr = (uint64_t)&to;
	sqe->off = sizeof to;
	ring_once(&ring, "connect");
	sqe = ring_next(&ring, IORING_OP_SEND, fd);
	sqe->addr = (uint64_t) "ping";
	sqe->len = 4;
	ring_once(&ring, "send");
	shutdown(fd, SHUT_WR);
	expect_answer(fd);
}
