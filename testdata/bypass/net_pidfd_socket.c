/* Takes a connected TCP socket out of a process outside (pidfd_getfd) and speaks through it.
 * To report: the peer and its port. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int pid, fd;
	FILE *file = fopen(text("%s/tcp-holder", folder), "r");
	if (!file || fscanf(file, "%d %d", &pid, &fd) != 2)
		fail("tcp-holder");
	int process = must(syscall(SYS_pidfd_open, pid, 0), "pidfd_open");
	int taken = syscall(SYS_pidfd_getfd, process, fd, 0);
	if (taken < 0)
		not_here("pidfd_getfd");
	ping(taken);
}
