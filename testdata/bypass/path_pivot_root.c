/* Makes another file system its root (pivot_root), leaves the old one, and opens a model there.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	own_mounts();
	char *place = text("%s/root", folder);
	must(mkdir(place, 0755), place);
	must(mount("none", place, "tmpfs", 0, NULL), "tmpfs");
	must(chdir(place), "chdir");
	must(syscall(SYS_pivot_root, ".", "."), "pivot_root");
	must(umount2(".", MNT_DETACH), "leave the old root");
	must(chdir("/"), "chdir");
	new_model("/weights", name);
	load_model("/weights");
	stay();
}
