/* Opens the model by io_uring's openat.
 * To report: the model. */
#include "uring.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct ring ring = ring_new(0);
	ring_open(&ring, model);
	read_model(ring_once(&ring, "openat"));
}
