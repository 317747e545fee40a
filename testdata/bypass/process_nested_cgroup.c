/* Makes a cgroup inside its own, moves there, and opens the model.
 * To report: the model. */
#include "cgroup.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char *place = text("%s/nested", cgroup_own());
	must(mkdir(place, 0755), place);
	pid_t child = must(fork(), "fork");
	if (!child) {
		cgroup_join(place);
		load_model(model);
		_exit(0);
	}
	wait_for(child);
	for (int turn = 0; rmdir(place) && errno == EBUSY && turn < 200; turn++)
		usleep(1000);
}
