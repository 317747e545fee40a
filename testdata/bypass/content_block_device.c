/* Reads the model's bytes from the block device that its file system lies on; the model itself is not opened. A process
 * outside has told where on the device they are.
 * To report: that content may be read past the files. */
#include "bypass.h"
#include <sys/sysmacros.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	unsigned long offset;
	struct stat about;
	char bytes[4096] __attribute__((aligned(4096)));
	FILE *file = fopen(text("%s/extent", folder), "r");
	if (!file || fscanf(file, "%lu", &offset) != 1)
		not_here("place of the model on a device");
	must(stat(model, &about), "stat");
	char *node = text("%s/device", folder);
	if (mknod(node, S_IFBLK | 0600, about.st_dev))
		not_here("block device");
	int fd = open(node, O_RDONLY | O_DIRECT);
	if (fd < 0)
		not_here("block device");
	check_model(bytes, must(pread(fd, bytes, sizeof bytes, (off_t)offset), "read"));
}
