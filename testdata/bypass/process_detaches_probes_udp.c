/* Detaches the BPF links of its own cgroup, and then speaks over UDP without a connect.
 * To report: the peer, or that a probe was taken away. */
#include "detach.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	detach_own_cgroup();
	struct sockaddr_in to = peer4(PEER_PORT);
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	must(sendto(fd, "ping", 4, 0, (struct sockaddr *)&to, sizeof to), "send");
	expect_answer(fd);
}
