/* Runs a program by a path relative to a directory descriptor, from another directory.
 * To report: the program by its full path. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	if (argc > 4) {
		load_model(model);
		return 0;
	}
	copy_file("/proc/self/exe", text("%s/second", folder), 0755);
	int from = must(open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC), folder);
	must(chdir("/"), "chdir");
	char *arguments[] = {"x", (char *)model, (char *)name, (char *)folder, "again", NULL}, *none[] = {NULL};
	syscall(SYS_execveat, from, "second", arguments, none, 0);
	fail("execveat");
}
