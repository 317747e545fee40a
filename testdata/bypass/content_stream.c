/* Reads a large model over TCP and keeps it in memory.
 * To report: the peer, and that a model may have come in without a file. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	static char bytes[1 << 20];
	int fd = tcp_to_peer(PLAIN_PORT);
	const char *ask = "GET /model HTTP/1.1\r\nHost: weights.example\r\n\r\n";
	must(send(fd, ask, strlen(ask), 0), "send");
	shutdown(fd, SHUT_WR);
	long length = must(recv(fd, bytes, sizeof bytes, MSG_WAITALL), "receive");
	check_model(bytes, length);
	if (length < (long)sizeof bytes) {
		errno = EMSGSIZE;
		fail("the model is small");
	}
}
