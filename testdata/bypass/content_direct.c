/* Reads the model past the page cache (O_DIRECT).
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = open(model, O_RDONLY | O_DIRECT);
	if (fd < 0)
		not_here("O_DIRECT");
	char *bytes = aligned_alloc(4096, 4096);
	check_model(bytes, must(pread(fd, bytes, 4096, 0), "read"));
}
