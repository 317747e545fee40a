/* Maps a copy of the model, removes its name, and opens the mapped file again through /proc/self/map_files.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = must(open(model, O_RDONLY), model);
	char *bytes = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		fail("map");
	close(fd);
	unlink(model);
	load_model(text("/proc/self/map_files/%lx-%lx", (unsigned long)bytes, (unsigned long)bytes + 4096));
	stay();
}
