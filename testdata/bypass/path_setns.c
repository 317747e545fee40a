/* A child has a mount namespace of its own with a model in it; the parent enters that namespace and opens it.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int ready[2];
	must(pipe(ready), "pipe");
	char *place = text("%s/private", folder), *path = text("%s/weights", place), byte;
	must(mkdir(place, 0755), place);
	pid_t child = must(fork(), "fork");
	if (!child) {
		own_mounts();
		must(mount("none", place, "tmpfs", 0, NULL), "tmpfs");
		new_model(path, name);
		must(write(ready[1], "r", 1), "write");
		for (;;)
			pause();
	}
	must(read(ready[0], &byte, 1), "read");
	int there = must(open(text("/proc/%d/ns/mnt", child), O_RDONLY), "namespace");
	must(setns(there, CLONE_NEWNS), "setns");
	load_model(path);
	stay();
	must(kill(child, SIGKILL), "kill");
}
