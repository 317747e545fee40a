/* Connects over SCTP.
 * To report: the peer and its port. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT);
	int fd = socket(AF_INET, SOCK_STREAM, IPPROTO_SCTP);
	if (fd < 0)
		not_here("SCTP");
	must(connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
	ping(fd);
}
