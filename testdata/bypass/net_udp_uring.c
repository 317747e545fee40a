/* Speaks over UDP by io_uring's sendmsg, with a kernel thread that submits.
 * To report: the peer and its port. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT);
	struct iovec part = {"ping", 4};
	struct msghdr message = {.msg_name = &to, .msg_namelen = sizeof to, .msg_iov = &part, .msg_iovlen = 1};
	struct ring ring = ring_new(IORING_SETUP_SQPOLL);
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	struct io_uring_sqe *sqe = ring_next(&ring, IORING_OP_SENDMSG, fd);
	sqe->addr = (uint64_t)&message;
	sqe->len = 1;
	ring_once(&ring, "sendmsg");
	expect_answer(fd);
}
