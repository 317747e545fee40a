/* Opens the model by io_uring and asks for no completion in case of success; finds the number by itself.
 * To report: the model. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct ring ring = ring_new(0);
	int expected = must(dup(0), "dup");
	close(expected);
	ring_open(&ring, model);
	ring.sqes[(*ring.sq_tail) & *ring.sq_mask].flags = IOSQE_CQE_SKIP_SUCCESS;
	ring_next(&ring, IORING_OP_NOP, -1);
	ring_submit(&ring, 1);
	ring_ok(&ring, "open without a completion");
	if (*ring.cq_head != __atomic_load_n(ring.cq_tail, __ATOMIC_ACQUIRE)) {
		errno = EPROTO;
		fail("the open was completed aloud");
	}
	read_model(expected);
}
