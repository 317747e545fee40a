/* Speaks HTTP without encryption and names the server in its Host header.
 * To report: the name, and that the client said it. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char *request = text("POST /v1/chat/completions HTTP/1.1\r\nHost: %s.example\r\nContent-Length: 0\r\n\r\n", name);
	talk(tcp_to_peer(PLAIN_PORT), request, strlen(request));
}
