/* Opens the model by openat(2) and reads it: what everybody does.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = must(syscall(SYS_openat, AT_FDCWD, model, O_RDONLY, 0), "openat");
	read_model(fd);
}
