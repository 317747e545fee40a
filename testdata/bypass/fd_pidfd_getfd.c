/* Takes the open model out of a process outside (pidfd_getfd) and reads it.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct holder outside = holder(folder);
	int process = must(syscall(SYS_pidfd_open, outside.pid, 0), "pidfd_open");
	int fd = syscall(SYS_pidfd_getfd, process, outside.fd, 0);
	if (fd < 0)
		not_here("pidfd_getfd");
	read_model(fd);
}
