/* Runs copies of itself that are called `sha256sum` and `pip`; each opens a model.
 * To report: the model, as one that is loaded, and both programs. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	if (argc > 4) {
		load_model(model);
		return 0;
	}
	for (const char *copy = "sha256sum\0pip\0"; *copy; copy += strlen(copy) + 1) {
		char *path = text("%s/%s", folder, copy);
		copy_file("/proc/self/exe", path, 0755);
		pid_t child = must(fork(), "fork");
		if (!child) {
			execl(path, copy, model, name, folder, "child", NULL);
			fail("exec");
		}
		wait_for(child);
	}
}
