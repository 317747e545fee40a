/* Makes its socket as a direct descriptor of io_uring, with a kernel thread that submits; connects and speaks there.
 * To report: the peer and its port. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT);
	char answer[8] = {0};
	struct ring ring = ring_new(IORING_SETUP_SQPOLL);
	ring_table(&ring, 4);
	struct io_uring_sqe *sqe = ring_next(&ring, IORING_OP_SOCKET, AF_INET);
	sqe->off = SOCK_STREAM;
	sqe->file_index = 1;
	ring_once(&ring, "socket");
	sqe = ring_next(&ring, IORING_OP_CONNECT, 0);
	sqe->addr = (uint64_t)&to;
	sqe->off = sizeof to;
	sqe->flags = IOSQE_FIXED_FILE;
	ring_once(&ring, "connect");
	sqe = ring_next(&ring, IORING_OP_SEND, 0);
	sqe->addr = (uint64_t) "ping";
	sqe->len = 4;
	sqe->flags = IOSQE_FIXED_FILE;
	ring_once(&ring, "send");
	sqe = ring_next(&ring, IORING_OP_SHUTDOWN, 0);
	sqe->len = SHUT_WR;
	sqe->flags = IOSQE_FIXED_FILE;
	ring_once(&ring, "shutdown");
	sqe = ring_next(&ring, IORING_OP_RECV, 0);
	sqe->addr = (uint64_t)answer;
	sqe->len = 3;
	sqe->flags = IOSQE_FIXED_FILE;
	ring_once(&ring, "receive");
	errno = EPROTO;
	if (memcmp(answer, "ok\n", 3))
		fail("the peer's answer");
}
