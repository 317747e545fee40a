/* Makes a model in a tmpfs that only its own mount namespace has, and opens it there. When the program has ended, the
 * file is nowhere.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	own_mounts();
	char *place = text("%s/private", folder);
	must(mkdir(place, 0755), place);
	must(mount("none", place, "tmpfs", 0, NULL), "tmpfs");
	char *path = text("%s/weights", place);
	new_model(path, name);
	load_model(path);
	stay();
}
