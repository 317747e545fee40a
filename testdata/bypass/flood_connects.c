/* Makes five hundred connections to one port, and one among them to another.
 * To report: both ports of the peer, or that connections were lost. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	for (int number = 0; number < 500; number++) {
		int fd = tcp_to_peer(number == 250 ? PLAIN_PORT : PEER_PORT);
		/* Abort instead of waiting: no port is used up. */
		struct linger now = {1, 0};
		if (number == 250)
			ping(fd);
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
		close(fd);
	}
}
