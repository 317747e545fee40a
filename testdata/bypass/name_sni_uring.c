/* Says the server's name in a TLS hello that io_uring sends without copying (SEND_ZC).
 * To report: the name. */
#include "hello.h"
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct bytes out = hello(text("%s.example", name), 0);
	struct ring ring = ring_new(0);
	int fd = tcp_to_peer(PEER_PORT);
	struct io_uring_sqe *sqe = ring_next(&ring, IORING_OP_SEND_ZC, fd);
	sqe->addr = (uint64_t)out.at;
	sqe->len = (unsigned)out.length;
	ring_once(&ring, "send");
	shutdown(fd, SHUT_WR);
	expect_answer(fd);
}
