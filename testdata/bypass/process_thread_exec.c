/* A thread that is not the first executes a program, which opens the model.
 * To report: the model, and the program. */
#include "bypass.h"
#include <pthread.h>

static char **arguments;

static void *other(void *unused)
{
	execv(arguments[0], arguments);
	fail("exec");
	return unused;
}

int main(int argc, char **argv)
{
	ARGUMENTS;
	if (argc > 4) {
		load_model(model);
		return 0;
	}
	char *copy = text("%s/second", folder);
	copy_file("/proc/self/exe", copy, 0755);
	char *list[] = {copy, (char *)model, (char *)name, (char *)folder, "again", NULL};
	arguments = list;
	pthread_t thread;
	pthread_create(&thread, NULL, other, NULL);
	pthread_join(thread, NULL);
	fail("exec");
}
