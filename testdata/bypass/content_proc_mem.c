/* Copies the model out of the memory of a process outside through /proc/PID/mem.
 * To report: that content may come in without a file. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct holder outside = holder(folder);
	char bytes[64];
	int fd = must(open(text("/proc/%d/mem", outside.pid), O_RDONLY), "memory");
	check_model(bytes, must(pread(fd, bytes, sizeof bytes, (off_t)outside.address), "read"));
}
