/* A child whose clocks are a year ahead (time namespace) opens the model.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	if (unshare(0x80 /* CLONE_NEWTIME */))
		not_here("time namespace");
	int offsets = must(open("/proc/self/timens_offsets", O_WRONLY), "offsets");
	const char *year = "monotonic 31536000 0\nboottime 31536000 0\n";
	must(write(offsets, year, strlen(year)), "offsets");
	pid_t child = must(fork(), "fork");
	if (!child) {
		load_model(model);
		_exit(0);
	}
	wait_for(child);
}
