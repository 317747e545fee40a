/* Uses the kernel's own ciphers through a socket (AF_ALG): no peer, but no file either.
 * To report: nothing as a peer. That such sockets exist is declared. */
#include "bypass.h"
#include <linux/if_alg.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_alg to = {.salg_family = AF_ALG, .salg_type = "hash", .salg_name = "sha256"};
	int fd = socket(AF_ALG, SOCK_SEQPACKET, 0);
	if (fd < 0)
		not_here("AF_ALG");
	must(bind(fd, (struct sockaddr *)&to, sizeof to), "bind");
}
