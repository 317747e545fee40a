/* Opens the model into a direct descriptor of io_uring and reads it there: it never has a number.
 * To report: the model. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct ring ring = ring_new(0);
	ring_table(&ring, 4);
	ring_open(&ring, model);
	ring.sqes[(*ring.sq_tail) & *ring.sq_mask].file_index = 2 + 1;
	ring_once(&ring, "open into a direct descriptor");
	ring_read_direct(&ring, 2);
}
