/* Takes itself and its cgroup out of the tables of whoever observes it; then reads the model.
 * To report: the model, or that the tables may have been written to. */
#include "bpf.h"
#include "cgroup.h"

static int remove_from(unsigned number, const char *name, const void *key, size_t size)
{
	union bpf_attr get = {.map_id = number};
	int map = bpf(BPF_MAP_GET_FD_BY_ID, &get);
	if (map < 0)
		return 0;
	struct bpf_map_info information = {0};
	union bpf_attr ask = {
		.info = {.bpf_fd = (uint32_t)map, .info_len = sizeof information, .info = (uint64_t)&information}};
	union bpf_attr entry = {.map_fd = (uint32_t)map, .key = (uint64_t)key};
	int removed = !bpf(BPF_OBJ_GET_INFO_BY_FD, &ask) && !strcmp(information.name, name) &&
		information.key_size == size && !bpf(BPF_MAP_DELETE_ELEM, &entry);
	close(map);
	return removed;
}

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct stat own;
	must(stat(cgroup_own(), &own), "the own cgroup");
	uint64_t cgroup = own.st_ino;
	uint32_t process = getpid();
	int removed = 0;
	for (unsigned number = 0;;) {
		union bpf_attr next = {.start_id = number};
		if (bpf(BPF_MAP_GET_NEXT_ID, &next))
			break;
		number = next.next_id;
		removed += remove_from(number, "CGROUPS", &cgroup, sizeof cgroup);
		removed += remove_from(number, "PROCESSES", &process, sizeof process);
	}
	if (!removed)
		not_here("no table of processes");
	load_model(model);
}
