/* Serves on a TCP port by one request of io_uring that accepts again and again (multishot).
 * To report: that it listens, and on which port. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in own = peer4(8448);
	struct ring ring = ring_new(0);
	int ear = must(socket(AF_INET, SOCK_STREAM, 0), "socket"), one = 1;
	setsockopt(ear, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
	must(bind(ear, (struct sockaddr *)&own, sizeof own), "bind");
	must(listen(ear, 4), "listen");
	ring_next(&ring, IORING_OP_ACCEPT, ear)->ioprio = IORING_ACCEPT_MULTISHOT;
	ring_submit(&ring, 0);
	struct sockaddr_un to;
	socklen_t length = unix_name(&to, text("%s/caller-2", folder));
	int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, length), "connect");
	expect_answer(ring_ok(&ring, "accept"));
	expect_answer(ring_ok(&ring, "accept again"));
}
