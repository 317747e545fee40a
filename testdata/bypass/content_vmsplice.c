/* Maps the model, gifts the pages to a pipe by vmsplice(2), and reads the pipe.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int ends[2], fd = must(open(model, O_RDONLY), model);
	char bytes[64], *map = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	if (map == MAP_FAILED)
		fail("map");
	must(pipe(ends), "pipe");
	struct iovec part = {map, 64};
	must(vmsplice(ends[1], &part, 1, 0), "vmsplice");
	check_model(bytes, must(read(ends[0], bytes, sizeof bytes), "read"));
}
