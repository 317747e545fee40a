/* Asks a SOCKS5 proxy for a connection by name and sends no hello.
 * To report: the proxy as the peer, and that its name is not known. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char bytes[512] = "\5\1\0\5\1\0\3";
	char *host = text("%s.example", name);
	size_t length = strlen(host);
	bytes[7] = (char)length;
	memcpy(bytes + 8, host, length);
	memcpy(bytes + 8 + length, "\1\273", 2);
	talk(tcp_to_peer(PLAIN_PORT), bytes, 10 + length);
}
