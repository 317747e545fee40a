/* Opens and reads the model in one chain of linked requests on a direct descriptor, submitted at once.
 * To report: the model. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	static char bytes[64];
	struct ring ring = ring_new(0);
	ring_table(&ring, 4);
	ring_open(&ring, model);
	struct io_uring_sqe *first = &ring.sqes[(*ring.sq_tail) & *ring.sq_mask];
	first->file_index = 1 + 1;
	first->flags = IOSQE_IO_LINK;
	struct io_uring_sqe *second = ring_next(&ring, IORING_OP_READ, 1);
	second->addr = (uint64_t)bytes;
	second->len = sizeof bytes;
	second->flags = IOSQE_FIXED_FILE;
	ring_submit(&ring, 2);
	int opened = ring_result(&ring);
	errno = -opened;
	/* Older kernels look the second's descriptor up as it is submitted, and cancel the chain. */
	if (opened == -ECANCELED || opened == -EINVAL || opened == -EOPNOTSUPP)
		not_here("open and read in one chain");
	if (opened < 0)
		fail("open");
	check_model(bytes, ring_ok(&ring, "read"));
}
