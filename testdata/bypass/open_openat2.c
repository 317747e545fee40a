/* Opens the model by openat2(2) with RESOLVE_NO_SYMLINKS.
 * To report: the model. */
#include "bypass.h"
#include <linux/openat2.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct open_how how = {.flags = O_RDONLY, .resolve = RESOLVE_NO_MAGICLINKS};
	int fd = must(syscall(SYS_openat2, AT_FDCWD, model, &how, sizeof how), "openat2");
	read_model(fd);
}
