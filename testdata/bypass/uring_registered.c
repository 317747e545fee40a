/* Opens the model by openat, registers the descriptor, closes it and maps nothing: io_uring reads what has no
 * number any more.
 * To report: the model. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct ring ring = ring_new(0);
	int fd = must(open(model, O_RDONLY), model);
	must(syscall(SYS_io_uring_register, ring.fd, IORING_REGISTER_FILES, &fd, 1), "register");
	close(fd);
	ring_read_direct(&ring, 0);
}
