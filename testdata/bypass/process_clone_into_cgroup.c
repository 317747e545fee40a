/* A child is born in another cgroup outside (clone3, CLONE_INTO_CGROUP) and opens the model there.
 * To report: the model. */
#include "cgroup.h"
#include <linux/sched.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	char *place = text("%s/aibom-bypass-%d", cgroup_root(), getpid());
	must(mkdir(place, 0755), place);
	int cgroup = must(open(place, O_PATH | O_DIRECTORY), place);
	struct clone_args how = {
		.flags = CLONE_INTO_CGROUP, .exit_signal = SIGCHLD, .cgroup = (uint64_t)cgroup};
	pid_t child = syscall(SYS_clone3, &how, sizeof how);
	if (!child) {
		load_model(model);
		_exit(0);
	}
	must(child, "clone3");
	wait_for(child);
	rmdir(place);
}
