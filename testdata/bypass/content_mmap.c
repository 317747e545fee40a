/* Maps the model and never reads it by a system call; the descriptor is closed first.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = must(open(model, O_RDONLY), model);
	const char *bytes = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	if (bytes == MAP_FAILED)
		fail("map");
	check_model(bytes, 64);
}
