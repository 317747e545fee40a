/* Replaces the model by another file, in one step, while it is mapped.
 * To report: the model, or that the file at this place is another one. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = must(open(model, O_RDONLY), model);
	char *decoy = text("%s/decoy", folder);
	int out = must(open(decoy, O_WRONLY | O_CREAT | O_EXCL, 0644), decoy);
	must(write(out, "notes\n", 6), "write");
	must(rename(decoy, model), "rename");
	map_model(fd);
	stay();
}
