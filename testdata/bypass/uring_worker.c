/* Opens the model by a worker thread of io_uring (IOSQE_ASYNC).
 * To report: the model. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct ring ring = ring_new(0);
	ring_open(&ring, model);
	ring.sqes[(*ring.sq_tail) & *ring.sq_mask].flags = IOSQE_ASYNC;
	read_model(ring_once(&ring, "open"));
}
