/* Moves the model into a pipe by splice(2) and reads it from there.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int ends[2], fd = must(open(model, O_RDONLY), model);
	char bytes[64];
	must(pipe(ends), "pipe");
	must(splice(fd, NULL, ends[1], NULL, 64, 0), "splice");
	check_model(bytes, must(read(ends[0], bytes, sizeof bytes), "read"));
}
