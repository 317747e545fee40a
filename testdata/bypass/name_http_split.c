/* Speaks HTTP without encryption, one byte per segment.
 * To report: the name in the Host header. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char *request = text("POST /v1/chat HTTP/1.1\r\nHost: %s.example\r\nContent-Length: 0\r\n\r\n", name);
	int fd = tcp_to_peer(PLAIN_PORT), one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	for (char *at = request; *at; at++)
		must(send(fd, at, 1, MSG_NOSIGNAL), "send");
	shutdown(fd, SHUT_WR);
	expect_answer(fd);
}
