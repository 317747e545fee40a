/* Starts a program by posix_spawn with the model as its standard input: the open happens between vfork and exec.
 * To report: the model, and the program. */
#include "bypass.h"
#include <spawn.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	if (argc > 4) {
		read_model(0);
		return 0;
	}
	char *copy = text("%s/spawned", folder);
	copy_file("/proc/self/exe", copy, 0755);
	posix_spawn_file_actions_t actions;
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_addopen(&actions, 0, model, O_RDONLY, 0);
	char *arguments[] = {copy, (char *)model, (char *)name, (char *)folder, "child", NULL}, *environment[] = {NULL};
	pid_t child;
	errno = posix_spawn(&child, copy, &actions, NULL, arguments, environment);
	if (errno)
		fail("posix_spawn");
	wait_for(child);
}
