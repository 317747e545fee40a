/* Connects over MPTCP.
 * To report: the peer and its port. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT);
	int fd = socket(AF_INET, SOCK_STREAM, 262 /* IPPROTO_MPTCP */);
	if (fd < 0)
		not_here("MPTCP");
	must(connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
	ping(fd);
}
