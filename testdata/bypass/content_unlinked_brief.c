/* Removes the model's name as soon as it is open, maps it, and ends at once.
 * To report: the model, or that a file could not be looked at. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = must(open(model, O_RDONLY), model);
	must(unlink(model), "unlink");
	map_model(fd);
}
