/* Opens the model by the kernel thread of io_uring into a direct descriptor, without a completion.
 * To report: the model. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct ring ring = ring_new(IORING_SETUP_SQPOLL);
	ring_table(&ring, 4);
	ring_open(&ring, model);
	struct io_uring_sqe *sqe = &ring.sqes[(*ring.sq_tail) & *ring.sq_mask];
	sqe->file_index = 3 + 1;
	sqe->flags = IOSQE_CQE_SKIP_SUCCESS | IOSQE_IO_LINK;
	ring_next(&ring, IORING_OP_NOP, -1);
	ring_submit(&ring, 1);
	ring_ok(&ring, "open without a completion");
	ring_read_direct(&ring, 3);
}
