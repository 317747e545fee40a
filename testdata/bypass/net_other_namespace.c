/* Makes a network namespace of its own and connects inside to a listener of its own.
 * To report: the peer and its port. */
#include "bypass.h"
#include <net/if.h>
#include <sys/ioctl.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct ifreq up = {.ifr_name = "lo", .ifr_flags = IFF_UP};
	must(unshare(CLONE_NEWNET), "unshare");
	must(ioctl(socket(AF_INET, SOCK_DGRAM, 0), SIOCSIFFLAGS, &up), "loopback");
	struct sockaddr_in own = {.sin_family = AF_INET, .sin_port = htons(4478)};
	inet_pton(AF_INET, "127.0.0.78", &own.sin_addr);
	int ear = must(socket(AF_INET, SOCK_STREAM, 0), "socket"), fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	must(bind(ear, (struct sockaddr *)&own, sizeof own), "bind");
	must(listen(ear, 1), "listen");
	must(connect(fd, (struct sockaddr *)&own, sizeof own), "connect");
	must(send(fd, "ping", 4, 0), "send");
}
