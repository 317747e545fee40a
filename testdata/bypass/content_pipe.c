/* Reads the model from a pipe that a process outside writes.
 * To report: that content may come in without a file. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char bytes[64];
	check_model(bytes, must(read(0, bytes, sizeof bytes), "read"));
}
