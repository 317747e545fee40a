/* Speaks over UDP by connect and write.
 * To report: the peer and its port. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT);
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
	must(write(fd, "ping", 4), "write");
	expect_answer(fd);
}
