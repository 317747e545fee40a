/* Opens the model by io_uring with a kernel thread that submits: no system call of ours does it.
 * To report: the model. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct ring ring = ring_new(IORING_SETUP_SQPOLL);
	ring_open(&ring, model);
	read_model(ring_once(&ring, "open"));
}
