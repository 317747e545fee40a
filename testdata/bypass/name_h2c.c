/* Speaks HTTP/2 without encryption and with prior knowledge; the server's name is a header of the first stream.
 * To report: the name, and that the client said it. */
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char *host = text("%s.example", name);
	struct bytes out = {.length = 0}, headers = {.length = 0};
	const char *preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
	put(&out, preface, strlen(preface));
	/* SETTINGS, empty. */
	put(&out, "\0\0\0\4\0\0\0\0\0", 9);
	/* :method POST, :scheme http, :path /, :authority as a literal with an indexed name (RFC 7541, appendix A). */
	put(&headers, "\x83\x86\x84\x01", 4);
	put_number(&headers, strlen(host), 1);
	put(&headers, host, strlen(host));
	/* HEADERS, end of headers, stream 1. */
	put_number(&out, headers.length, 3);
	put(&out, "\1\4\0\0\0\1", 6);
	put(&out, headers.at, headers.length);
	talk(tcp_to_peer(PLAIN_PORT), out.at, out.length);
}
