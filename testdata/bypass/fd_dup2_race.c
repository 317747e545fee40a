/* A second thread replaces the descriptor by a harmless one as soon as it can, while the first keeps opening the model
 * and mapping it.
 * To report: the model, or that a descriptor may have been replaced before it was looked at. */
#include "bypass.h"
#include <pthread.h>

static int decoy, target;
static volatile int stop;

static void *replace(void *unused)
{
	while (!stop)
		dup2(decoy, target);
	return unused;
}

int main(int argc, char **argv)
{
	ARGUMENTS;
	pthread_t other;
	int read_once = 0;
	decoy = must(open("/dev/null", O_RDONLY), "/dev/null");
	target = must(dup(decoy), "dup");
	close(target);
	pthread_create(&other, NULL, replace, NULL);
	for (int turn = 0; turn < 2000; turn++) {
		char bytes[64];
		int fd = open(model, O_RDONLY);
		if (fd < 0)
			fail(model);
		if (pread(fd, bytes, sizeof bytes, 0) == sizeof bytes && bytes[8] == '{')
			read_once = 1;
		close(fd);
	}
	stop = 1;
	pthread_join(other, NULL);
	errno = EBUSY;
	if (!read_once)
		fail("the race was never won");
}
