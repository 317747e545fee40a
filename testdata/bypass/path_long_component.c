/* Opens a model whose name has 255 bytes.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char part[256];
	memset(part, 'w', 255);
	part[255] = 0;
	char *path = text("%s/%s", folder, part);
	new_model(path, name);
	load_model(path);
}
