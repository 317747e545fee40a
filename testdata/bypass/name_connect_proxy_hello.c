/* Asks a proxy for a tunnel to an address (CONNECT) and sends a TLS hello through it.
 * To report: the proxy as the peer, and the name in the hello. */
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	const char *request = "CONNECT 198.51.100.9:443 HTTP/1.1\r\nHost: 198.51.100.9:443\r\n\r\n";
	int fd = tcp_to_peer(PLAIN_PORT), one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	must(send(fd, request, strlen(request), 0), "send");
	say_hello(fd, text("%s.example", name), 0);
}
