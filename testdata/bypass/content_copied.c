/* Copies the model by reading and writing under a harmless name, and loads the copy.
 * To report: both files, as one model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char *copy = text("%s/cache.tmp", folder);
	copy_file(model, copy, 0644);
	load_model(copy);
}
