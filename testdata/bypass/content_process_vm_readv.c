/* Copies the model out of the memory of a process outside (process_vm_readv): no file is involved here.
 * To report: that content may come in without a file. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct holder outside = holder(folder);
	char bytes[64];
	struct iovec here = {bytes, sizeof bytes}, there = {(void *)outside.address, sizeof bytes};
	check_model(bytes, must(process_vm_readv(outside.pid, &here, 1, &there, 1, 0), "process_vm_readv"));
}
