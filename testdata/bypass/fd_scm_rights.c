/* Receives the model as an open descriptor from a process outside, over a Unix socket, and reads it.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	read_model(descriptor_from(text("%s/giver", folder)));
}
