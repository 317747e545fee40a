/* Connects without waiting, and leaves before the answer.
 * To report: the peer and its port. */
#include "bypass.h"
#include <poll.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT);
	int fd = must(socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0), "socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof to) && errno != EINPROGRESS)
		fail("connect");
	struct pollfd wait = {.fd = fd, .events = POLLOUT};
	must(poll(&wait, 1, 5000), "poll");
	must(send(fd, "ping", 4, 0), "send");
}
