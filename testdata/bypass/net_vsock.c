/* Speaks over vsock, the sockets between virtual machines, with itself as the peer.
 * To report: the peer and its port, or that such sockets are not watched. */
#include "bypass.h"
#include <linux/vm_sockets.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_vm to = {.svm_family = AF_VSOCK, .svm_cid = 1 /* this machine */, .svm_port = 4477};
	int ear = socket(AF_VSOCK, SOCK_STREAM, 0), fd = socket(AF_VSOCK, SOCK_STREAM, 0);
	if (ear < 0 || bind(ear, (struct sockaddr *)&to, sizeof to) || listen(ear, 1))
		not_here("vsock to this machine");
	must(connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
}
