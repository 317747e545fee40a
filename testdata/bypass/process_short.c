/* A child that does nothing but open and read the model, and lives for less than a millisecond.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	for (int turn = 0; turn < 50; turn++) {
		pid_t child = must(vfork(), "vfork");
		if (!child)
			_exit(0);
		wait_for(child);
	}
	pid_t child = must(fork(), "fork");
	if (!child) {
		char bytes[64];
		int fd = open(model, O_RDONLY);
		_exit(fd < 0 || pread(fd, bytes, 64, 0) != 64 || bytes[8] != '{');
	}
	wait_for(child);
}
