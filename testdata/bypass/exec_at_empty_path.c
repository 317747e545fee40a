/* Runs a program that is open as a descriptor only (execveat with an empty path).
 * To report: the program by its path, and the model that it opens. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	if (argc > 4) {
		load_model(model);
		return 0;
	}
	char *copy = text("%s/second", folder);
	copy_file("/proc/self/exe", copy, 0755);
	int fd = must(open(copy, O_PATH | O_CLOEXEC), copy);
	char *arguments[] = {"x", (char *)model, (char *)name, (char *)folder, "again", NULL}, *none[] = {NULL};
	syscall(SYS_execveat, fd, "", arguments, none, AT_EMPTY_PATH);
	fail("execveat");
}
