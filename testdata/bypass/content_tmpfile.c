/* Writes a model into a file that never has a name (O_TMPFILE) and reads it back by the same descriptor.
 * To report: the model, or that a file could not be looked at or was written after it was opened. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = open(folder, O_TMPFILE | O_RDWR, 0600);
	if (fd < 0)
		not_here("O_TMPFILE");
	write_model(fd, name);
	read_model(fd);
	stay();
}
