/* Opens the model below /proc/self/root, and again below /proc/self/cwd.
 * To report: the model by its real path. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	load_model(text("/proc/self/root%s", model));
	must(chdir(folder), "chdir");
	load_model(text("/proc/self/cwd/%s", strrchr(model, '/') + 1));
}
