/* Asks a proxy for a tunnel (CONNECT) and sends nothing through it that could be read.
 * To report: the proxy as the peer, and the name behind it. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char *request = text("CONNECT %s.example:443 HTTP/1.1\r\nHost: %s.example:443\r\n\r\n", name, name);
	talk(tcp_to_peer(PLAIN_PORT), request, strlen(request));
}
