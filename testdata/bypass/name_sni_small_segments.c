/* Says the server's name in a post-quantum TLS hello, on a socket that sends 536 bytes at a time.
 * To report: the name. */
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to = peer4(PEER_PORT);
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket"), size = 536;
	must(setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &size, sizeof size), "segment size");
	must(connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
	say_hello(fd, text("%s.example", name), LARGE_KEY_SHARE);
}
