/* Reads the model over TCP and keeps it in memory.
 * To report: the peer, and that content may come in without a file. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char bytes[64];
	int fd = tcp_to_peer(PLAIN_PORT);
	const char *ask = "GET /model HTTP/1.1\r\nHost: weights.example\r\n\r\n";
	must(send(fd, ask, strlen(ask), 0), "send");
	shutdown(fd, SHUT_WR);
	check_model(bytes, must(recv(fd, bytes, sizeof bytes, MSG_WAITALL), "receive"));
}
