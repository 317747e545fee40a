/* Receives one end of a socket pair from a process outside and speaks through it: nobody connected to anything.
 * To report: that it may speak to a process outside. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	ping(descriptor_from(text("%s/pair-giver", folder)));
}
