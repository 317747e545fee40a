/* Opens an empty file, writes a model into it by another descriptor, and reads it by the first.
 * To report: the model, or that a file may have been written after it was looked at. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char *path = text("%s/empty", folder);
	int fd = must(open(path, O_RDONLY | O_CREAT, 0644), path);
	usleep(50000);
	int out = must(open(path, O_WRONLY), path);
	write_model(out, name);
	close(out);
	read_model(fd);
	stay();
	unlink(path);
}
