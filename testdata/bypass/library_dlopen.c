/* Loads a library by dlopen under a name that looks like a log file.
 * To report: the library. */
#include "bypass.h"
#include <dlfcn.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	char *path = text("%s/today.log", folder);
	must(rename(text("%s/library.so", folder), path), "rename");
	void *library = dlopen(path, RTLD_NOW);
	if (!library || !dlsym(library, "bypass_answer")) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
}
