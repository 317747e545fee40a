/* Opens the model by io_uring's openat2.
 * To report: the model. */
#include "uring.h"
#include <linux/openat2.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct ring ring = ring_new(0);
	struct open_how how = {.flags = O_RDONLY};
	struct io_uring_sqe *sqe = ring_next(&ring, IORING_OP_OPENAT2, AT_FDCWD);
	sqe->addr = (uint64_t)model;
	sqe->len = sizeof how;
	sqe->off = (uint64_t)&how;
	read_model(ring_once(&ring, "openat2"));
}
