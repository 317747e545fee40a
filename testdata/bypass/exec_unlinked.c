/* Runs a program whose file removes itself at once.
 * To report: the program by its path, and the model that it opens. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	if (argc > 4) {
		must(unlink(argv[4]), "unlink");
		load_model(model);
		return 0;
	}
	char *copy = text("%s/second", folder);
	copy_file("/proc/self/exe", copy, 0755);
	execl(copy, "x", model, name, folder, copy, NULL);
	fail("exec");
}
