/* A grandchild is adopted by an ancestor that asked for it (PR_SET_CHILD_SUBREAPER), and opens the model then.
 * To report: the model. */
#include "bypass.h"
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	must(prctl(PR_SET_CHILD_SUBREAPER, 1), "subreaper");
	pid_t self = getpid(), child = must(fork(), "fork");
	if (!child) {
		if (must(fork(), "fork"))
			_exit(0);
		while (getppid() != self)
			usleep(1000);
		load_model(model);
		_exit(0);
	}
	wait_for(child);
	wait_for(-1);
}
