/* Questions to the peer's name server (RFC 1035), which knows every name. */
#ifndef DNS_H
#define DNS_H

#include "bypass.h"

USED size_t dns_question(unsigned char *out, const char *host)
{
	static const unsigned char head[12] = {0x12, 0x34, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0};
	size_t at = sizeof head;
	memcpy(out, head, at);
	while (*host) {
		size_t label = strcspn(host, ".");
		out[at++] = (unsigned char)label;
		memcpy(out + at, host, label);
		at += label;
		host += label + (host[label] == '.');
	}
	memcpy(out + at, "\0\0\1\0\1", 5);
	return at + 5;
}

/* The answer's last four bytes are the address. */
USED void dns_check(const unsigned char *answer, long length, const char *address)
{
	struct in_addr expected;
	inet_pton(AF_INET, address, &expected);
	errno = EPROTO;
	if (length < 28 || memcmp(answer + length - 4, &expected, 4))
		fail("the answer of the name server");
}

USED void dns_udp(const char *host, int port, const char *address)
{
	unsigned char bytes[512];
	struct sockaddr_in to = peer4(port);
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
	must(send(fd, bytes, dns_question(bytes, host), 0), "send");
	dns_check(bytes, must(recv(fd, bytes, sizeof bytes, 0), "receive"), address);
	close(fd);
}

USED void dns_tcp(const char *host, int port)
{
	unsigned char bytes[512];
	int fd = tcp_to_peer(port);
	size_t length = dns_question(bytes + 2, host);
	bytes[0] = 0;
	bytes[1] = (unsigned char)length;
	must(send(fd, bytes, length + 2, 0), "send");
	dns_check(bytes, must(recv(fd, bytes, sizeof bytes, 0), "receive"), PEER4);
	close(fd);
}

#endif
