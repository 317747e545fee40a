/* A child in a user, pid, mount, uts and ipc namespace of its own, where it is process 1 and root, opens the model.
 * To report: the model. */
#include "bypass.h"

static const char *path;

static int child(void *unused)
{
	(void)unused;
	if (getpid() != 1)
		return 1;
	load_model(path);
	stay();
	return 0;
}

int main(int argc, char **argv)
{
	ARGUMENTS;
	static char stack[262144];
	path = model;
	int flags = CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | CLONE_NEWIPC;
	pid_t pid = clone(child, stack + sizeof stack, flags | SIGCHLD, NULL);
	if (pid < 0)
		not_here("clone with namespaces");
	wait_for(pid);
}
