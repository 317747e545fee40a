/* Clones the mount of the model's folder without attaching it (open_tree) and opens the model in the clone.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int tree = syscall(SYS_open_tree, AT_FDCWD, folder, 1 /* clone */ | O_CLOEXEC);
	if (tree < 0)
		not_here("open_tree");
	read_model(must(openat(tree, strrchr(model, '/') + 1, O_RDONLY), "open"));
	stay();
}
