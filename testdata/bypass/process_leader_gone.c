/* The first thread ends; a second one, in a process that looks like a zombie, opens the model.
 * To report: the model. */
#include "bypass.h"
#include <pthread.h>

static const char *path;

static void *later(void *unused)
{
	char state = 0;
	for (int turn = 0; turn < 5000 && state != 'Z'; turn++) {
		FILE *file = fopen(text("/proc/%d/task/%d/stat", getpid(), getpid()), "r");
		if (!file || fscanf(file, "%*d %*s %c", &state) != 1)
			state = 'Z';
		if (file)
			fclose(file);
		usleep(1000);
	}
	load_model(path);
	exit(0);
	return unused;
}

int main(int argc, char **argv)
{
	ARGUMENTS;
	path = model;
	pthread_t other;
	pthread_create(&other, NULL, later, NULL);
	pthread_exit(NULL);
}
