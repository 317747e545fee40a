/* Opens a model by a path of 4,095 bytes, the longest that the kernel takes.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char path[4096], part[201];
	memset(part, 'd', sizeof part);
	part[0] = '/';
	size_t length = strlen(folder);
	memcpy(path, folder, length);
	while (length + sizeof part + 250 < sizeof path) {
		memcpy(path + length, part, sizeof part);
		path[length += sizeof part] = 0;
		must(mkdir(path, 0755), "mkdir");
	}
	size_t left = sizeof path - 1 - length;
	if (left > 255) {
		memcpy(path + length, part, 150);
		path[length += 150] = 0;
		must(mkdir(path, 0755), "mkdir");
		left -= 150;
	}
	path[length] = '/';
	memset(path + length + 1, 'w', left - 1);
	path[sizeof path - 1] = 0;
	new_model(path, name);
	load_model(path);
}
