/* Receives the model as an open descriptor by io_uring's recvmsg.
 * To report: the model. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_un to;
	socklen_t length = unix_name(&to, text("%s/giver", folder));
	int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), received;
	must(connect(fd, (struct sockaddr *)&to, length), "connect");
	char byte, control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec part = {&byte, 1};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
	struct ring ring = ring_new(0);
	struct io_uring_sqe *sqe = ring_next(&ring, IORING_OP_RECVMSG, fd);
	sqe->addr = (uint64_t)&message;
	sqe->len = 1;
	ring_once(&ring, "recvmsg");
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (!head)
		fail("no descriptor came");
	memcpy(&received, CMSG_DATA(head), sizeof received);
	read_model(received);
}
