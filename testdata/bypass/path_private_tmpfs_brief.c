/* Makes a model in a tmpfs that only its own mount namespace has, and opens it there, and ends at once: the file is
 * nowhere then.
 * To report: the model, or that a file could not be looked at. */
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
}
