/* Where cgroups (v2) are. */
#ifndef CGROUP_H
#define CGROUP_H

#include "bypass.h"
#include <mntent.h>

USED const char *cgroup_root(void)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	struct mntent *entry;
	while (mounts && (entry = getmntent(mounts)))
		if (!strcmp(entry->mnt_type, "cgroup2"))
			return strdup(entry->mnt_dir);
	errno = ENOENT;
	not_here("no cgroup2 mount");
}

/* The folder of the calling process's own cgroup. */
USED const char *cgroup_own(void)
{
	char line[4096];
	FILE *file = fopen("/proc/self/cgroup", "r");
	while (file && fgets(line, sizeof line, file))
		if (!strncmp(line, "0::", 3)) {
			line[strcspn(line, "\n")] = 0;
			return text("%s%s", cgroup_root(), line + 3);
		}
	errno = ENOENT;
	not_here("no cgroup");
}

USED void cgroup_join(const char *place)
{
	int fd = must(open(text("%s/cgroup.procs", place), O_WRONLY), place);
	must(write(fd, "0", 1), "join");
	close(fd);
}

#endif
