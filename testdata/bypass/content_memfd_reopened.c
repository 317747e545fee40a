/* Puts a model into sealed memory (memfd) and opens that by its name below /proc/self/fd, as libraries that want a path do.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = must(memfd_create("weights", MFD_ALLOW_SEALING), "memfd_create");
	write_model(fd, name);
	must(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW), "seal");
	load_model(text("/proc/self/fd/%d", fd));
	stay();
}
