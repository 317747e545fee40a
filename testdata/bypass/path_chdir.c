/* Changes its directory, by path and by descriptor, and opens the model by its bare name.
 * To report: the model by its full path. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int from = must(open(folder, O_PATH | O_DIRECTORY), folder);
	must(chdir("/"), "chdir");
	must(fchdir(from), "fchdir");
	load_model(strrchr(model, '/') + 1);
}
