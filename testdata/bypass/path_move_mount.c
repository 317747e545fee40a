/* Clones a mount, attaches it elsewhere in its own namespace (move_mount), opens the model there and unmounts it.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	own_mounts();
	int tree = syscall(SYS_open_tree, AT_FDCWD, folder, 1 /* clone */ | O_CLOEXEC);
	if (tree < 0)
		not_here("open_tree");
	must(syscall(SYS_move_mount, tree, "", AT_FDCWD, "/mnt", 4 /* the source is the descriptor */), "move_mount");
	load_model(text("/mnt/%s", strrchr(model, '/') + 1));
	stay();
	must(umount2("/mnt", MNT_DETACH), "unmount");
}
