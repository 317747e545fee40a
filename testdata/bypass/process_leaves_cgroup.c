/* A child moves itself to a cgroup outside, ceases to be anybody's child, and opens the model there.
 * To report: the model. */
#include "cgroup.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char *place = text("%s/aibom-bypass-%d", cgroup_root(), getpid()), byte;
	int done[2];
	must(mkdir(place, 0755), place);
	must(pipe(done), "pipe");
	pid_t child = must(fork(), "fork");
	if (!child) {
		cgroup_join(place);
		if (must(fork(), "fork"))
			_exit(0);
		setsid();
		load_model(model);
		must(write(done[1], "d", 1), "write");
		_exit(0);
	}
	wait_for(child);
	close(done[1]);
	if (read(done[0], &byte, 1) != 1)
		fail("the grandchild failed");
	/* The cgroup is free a moment after its last process ended. */
	for (int turn = 0; rmdir(place) && errno == EBUSY && turn < 200; turn++)
		usleep(1000);
}
