/* Opens the model into a direct descriptor of io_uring and turns that into a number by FIXED_FD_INSTALL.
 * To report: the model. */
#include "uring.h"
/* Linux 6.8; the headers may be older. */
#define FIXED_FD_INSTALL 54

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct ring ring = ring_new(0);
	ring_table(&ring, 4);
	ring_open(&ring, model);
	ring.sqes[(*ring.sq_tail) & *ring.sq_mask].file_index = 2 + 1;
	ring_once(&ring, "open into a direct descriptor");
	struct io_uring_sqe *sqe = ring_next(&ring, FIXED_FD_INSTALL, 2);
	sqe->flags = IOSQE_FIXED_FILE;
	map_model(ring_once(&ring, "install"));
}
