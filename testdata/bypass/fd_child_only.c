/* A child that shares the table of descriptors, but is no thread, opens the model and ends; the parent reads it.
 * To report: the model. */
#include "bypass.h"

static const char *path;
static int opened;

static int child(void *unused)
{
	(void)unused;
	opened = syscall(SYS_openat, AT_FDCWD, path, O_RDONLY, 0);
	return 0;
}

int main(int argc, char **argv)
{
	ARGUMENTS;
	static char stack[65536];
	path = model;
	wait_for(must(clone(child, stack + sizeof stack, CLONE_FILES | CLONE_VM, NULL), "clone"));
	read_model(opened);
}
