/* The system call bpf. */
#ifndef BPF_H
#define BPF_H

#include "bypass.h"
#include <linux/bpf.h>

USED long bpf(int command, union bpf_attr *attributes)
{
	return syscall(SYS_bpf, command, attributes, sizeof *attributes);
}

#endif
