/* Opens a model through an overlay: what is opened has another device and another inode than what holds the bytes.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	own_mounts();
	char *place = text("%s/layers", folder);
	must(mkdir(place, 0755), place);
	must(mount("none", place, "tmpfs", 0, NULL), "tmpfs");
	for (const char *part = "lower\0upper\0work\0all\0"; *part; part += strlen(part) + 1)
		must(mkdir(text("%s/%s", place, part), 0755), part);
	new_model(text("%s/lower/weights", place), name);
	if (mount("none", text("%s/all", place), "overlay", 0,
		  text("lowerdir=%s/lower,upperdir=%s/upper,workdir=%s/work", place, place, place)))
		not_here("overlay");
	load_model(text("%s/all/weights", place));
	stay();
}
