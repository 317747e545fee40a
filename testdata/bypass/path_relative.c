/* Opens the model by a path relative to a directory descriptor.
 * To report: the model by its full path. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int from = must(open(folder, O_PATH | O_DIRECTORY), folder);
	int fd = must(openat(from, strrchr(model, '/') + 1, O_RDONLY), "openat");
	read_model(fd);
}
