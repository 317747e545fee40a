/* A child submits to the ring that its parent made; the parent reads the result.
 * To report: the model. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct ring ring = ring_new(0);
	/* The table of descriptors is that of who submits. */
	ring_table(&ring, 4);
	pid_t child = must(fork(), "fork");
	if (!child) {
		ring_open(&ring, model);
		ring.sqes[(*ring.sq_tail) & *ring.sq_mask].file_index = 2 + 1;
		ring_once(&ring, "open into a direct descriptor");
		ring_read_direct(&ring, 2);
		_exit(0);
	}
	wait_for(child);
}
