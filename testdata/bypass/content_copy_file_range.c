/* Copies the model inside the kernel (copy_file_range), removes the copy's name, and reads the copy.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = must(open(model, O_RDONLY), model);
	char *path = text("%s/copy", folder);
	int copy = must(open(path, O_RDWR | O_CREAT | O_EXCL, 0644), path);
	must(copy_file_range(fd, NULL, copy, NULL, 1 << 20, 0), "copy_file_range");
	must(unlink(path), "unlink");
	read_model(copy);
}
