/* Sends a TLS hello in the SYN (MSG_FASTOPEN).
 * To report: the name in the hello. */
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT);
	struct bytes out = hello(text("%s.example", name), 0);
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	if (sendto(fd, out.at, out.length, MSG_FASTOPEN, (struct sockaddr *)&to, sizeof to) < 0)
		not_here("MSG_FASTOPEN");
	shutdown(fd, SHUT_WR);
	expect_answer(fd);
}
