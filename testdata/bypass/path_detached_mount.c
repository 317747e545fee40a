/* Makes a file system that is mounted nowhere (fsopen, fsmount) and opens a model in it.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int configuration = syscall(SYS_fsopen, "tmpfs", 0);
	if (configuration < 0)
		not_here("fsopen");
	must(syscall(SYS_fsconfig, configuration, 6 /* create */, NULL, NULL, 0), "fsconfig");
	int root = must(syscall(SYS_fsmount, configuration, 0, 0), "fsmount");
	int out = must(openat(root, "weights", O_WRONLY | O_CREAT, 0644), "create");
	write_model(out, name);
	close(out);
	read_model(must(openat(root, "weights", O_RDONLY), "open"));
	stay();
}
