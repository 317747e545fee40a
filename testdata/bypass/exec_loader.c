/* Runs a program by calling the dynamic loader with its path: the kernel executes the loader only.
 * To report: the program's file. */
#include "bypass.h"

#define LOADER "/lib64/ld-linux-x86-64.so.2"

int main(int argc, char **argv)
{
	ARGUMENTS;
	if (argc > 4) {
		load_model(model);
		return 0;
	}
	if (access(LOADER, X_OK))
		not_here(LOADER);
	char *copy = text("%s/second", folder);
	copy_file("/proc/self/exe", copy, 0644);
	execl(LOADER, "x", copy, model, name, folder, "again", NULL);
	fail("exec");
}
