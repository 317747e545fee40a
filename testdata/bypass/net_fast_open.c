/* Sends its first bytes in the SYN (MSG_FASTOPEN): connect(2) is never called.
 * To report: the peer and its port. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT);
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	if (sendto(fd, "ping", 4, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof to) != 4)
		not_here("MSG_FASTOPEN");
	shutdown(fd, SHUT_WR);
	expect_answer(fd);
}
