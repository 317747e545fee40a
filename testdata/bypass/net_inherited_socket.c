/* A parent makes the connection, a child that outlives it speaks.
 * To report: the peer and its port. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = tcp_to_peer(PEER_PORT);
	pid_t child = must(fork(), "fork");
	if (!child) {
		ping(fd);
		_exit(0);
	}
	close(fd);
	wait_for(child);
}
