/* Calls itself `[kworker/0:1]`, by prctl and by overwriting its arguments, and opens the model.
 * To report: the model. */
#include "bypass.h"
#include <sys/prctl.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	char *path = strdup(model);
	must(prctl(PR_SET_NAME, "kworker/0:1"), "name");
	size_t length = (size_t)(argv[argc - 1] + strlen(argv[argc - 1]) - argv[0]);
	memset(argv[0], 0, length);
	memcpy(argv[0], "[kworker/0:1]", length < 13 ? length : 13);
	load_model(path);
}
