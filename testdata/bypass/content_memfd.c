/* Puts a model that was received into sealed memory with a descriptor (memfd) and maps it.
 * To report: the model, or that content may come in without a file. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = must(memfd_create("weights", MFD_ALLOW_SEALING), "memfd_create");
	write_model(fd, name);
	must(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL), "seal");
	map_model(fd);
	stay();
}
