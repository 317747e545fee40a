/* Receives a connected TCP socket from a process outside and speaks through it.
 * To report: the peer and its port. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	ping(descriptor_from(text("%s/tcp-giver", folder)));
}
