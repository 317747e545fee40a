/* Receives the model as an open descriptor from a process outside, and maps it: no system call reads.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	map_model(descriptor_from(text("%s/giver", folder)));
}
