/* Renames the model while it is mapped, and puts something harmless in its place.
 * To report: the model, or that the file at this place is another one. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = must(open(model, O_RDONLY), model);
	must(rename(model, text("%s/elsewhere", folder)), "rename");
	int decoy = must(open(model, O_WRONLY | O_CREAT | O_EXCL, 0644), model);
	must(write(decoy, "notes\n", 6), "write");
	map_model(fd);
	stay();
}
