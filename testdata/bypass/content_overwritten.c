/* Reads the model and overwrites the whole file with other bytes of the same length before anybody else can look.
 * To report: the model, or that the file has changed since. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char zeros[4096] = {0};
	struct stat about;
	int fd = must(open(model, O_RDWR), model);
	read_model(fd);
	must(fstat(fd, &about), "stat");
	must(pwrite(fd, zeros, (size_t)about.st_size, 0), "overwrite");
}
