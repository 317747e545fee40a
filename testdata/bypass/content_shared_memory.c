/* Puts a model into System V shared memory, detaches, and attaches it again to read it.
 * To report: that content may come in without a file. */
#include "bypass.h"
#include <sys/shm.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	int segment = shmget(IPC_PRIVATE, 4096, IPC_CREAT | 0600);
	if (segment < 0)
		not_here("shmget");
	char *out = shmat(segment, NULL, 0);
	make_model(out, 4096, name);
	shmdt(out);
	check_model(shmat(segment, NULL, SHM_RDONLY), 64);
	must(shmctl(segment, IPC_RMID, NULL), "remove");
}
