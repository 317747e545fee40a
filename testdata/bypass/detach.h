/* Detaching the programs of BPF that watch the own cgroup, as root may. */
#ifndef DETACH_H
#define DETACH_H

#include "bpf.h"
#include "cgroup.h"

USED void detach_own_cgroup(void)
{
	struct stat own;
	must(stat(cgroup_own(), &own), "the own cgroup");
	unsigned number = 0;
	int detached = 0;
	for (;;) {
		union bpf_attr next = {.start_id = number};
		if (bpf(BPF_LINK_GET_NEXT_ID, &next))
			break;
		number = next.next_id;
		union bpf_attr get = {.link_id = number};
		int link = bpf(BPF_LINK_GET_FD_BY_ID, &get);
		if (link < 0)
			continue;
		struct bpf_link_info information = {0};
		union bpf_attr ask = {
			.info = {.bpf_fd = (uint32_t)link, .info_len = sizeof information, .info = (uint64_t)&information}};
		if (!bpf(BPF_OBJ_GET_INFO_BY_FD, &ask) && information.type == BPF_LINK_TYPE_CGROUP &&
		    information.cgroup.cgroup_id == own.st_ino) {
			union bpf_attr detach = {.link_detach = {.link_fd = (uint32_t)link}};
			detached += !bpf(BPF_LINK_DETACH, &detach);
		}
		close(link);
	}
	if (!detached)
		not_here("no link of a cgroup");
}

#endif
