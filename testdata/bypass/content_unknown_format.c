/* Reads two MiB of weights in a format of its own.
 * To report: that a file of a format nobody knows was read. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	static char bytes[2 << 20];
	char *path = text("%s/weights", folder);
	for (size_t at = 0; at < sizeof bytes; at++)
		bytes[at] = (char)(at * 2654435761u >> 13);
	/* No format begins like this. */
	memcpy(bytes, "\x01weights\x02", 9);
	int out = must(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), path);
	must(write(out, bytes, sizeof bytes), "write");
	close(out);
	int in = must(open(path, O_RDONLY | O_CLOEXEC), path);
	must(read(in, bytes, sizeof bytes), "read");
	stay();
}
