/* TLS ClientHellos (RFC 8446, section 4.1.2), good enough for whoever reads the server's name out of them. */
#ifndef HELLO_H
#define HELLO_H

#include "bypass.h"

/* A key share as large as post-quantum ones are. */
#define LARGE_KEY_SHARE 1
/* The real hello is encrypted inside (extension 0xfe0d). */
#define ENCRYPTED 2
/* The handshake message is cut in two TLS records. */
#define TWO_RECORDS 4
/* One byte per segment. */
#define BYTE_BY_BYTE 8

struct bytes {
	unsigned char at[4096];
	size_t length;
};

USED void put(struct bytes *out, const void *bytes, size_t length)
{
	memcpy(out->at + out->length, bytes, length);
	out->length += length;
}

USED void put_number(struct bytes *out, unsigned long value, int width)
{
	for (int at = width - 1; at >= 0; at--)
		out->at[out->length++] = (unsigned char)(value >> (8 * at));
}

USED void put_extension(struct bytes *out, unsigned kind, const struct bytes *body)
{
	put_number(out, kind, 2);
	put_number(out, body->length, 2);
	put(out, body->at, body->length);
}

/* The handshake message, without a record around it. `host` may be NULL: no server name. */
USED struct bytes hello_message(const char *host, int flags, const char *protocol)
{
	struct bytes extensions = {.length = 0}, body = {.length = 0}, message = {.length = 0};
	if (host) {
		struct bytes part = {.length = 0};
		put_number(&part, strlen(host) + 3, 2);
		put_number(&part, 0, 1);
		put_number(&part, strlen(host), 2);
		put(&part, host, strlen(host));
		put_extension(&extensions, 0, &part);
	}
	struct bytes versions = {.at = {2, 3, 4}, .length = 3}, share = {.length = 0};
	put_extension(&extensions, 43, &versions);
	if (protocol) {
		struct bytes part = {.length = 0};
		put_number(&part, strlen(protocol) + 1, 2);
		put_number(&part, strlen(protocol), 1);
		put(&part, protocol, strlen(protocol));
		put_extension(&extensions, 16, &part);
	}
	if (flags & LARGE_KEY_SHARE) {
		put_number(&share, 1216 + 4, 2);
		put_number(&share, 0x11ec, 2);
		put_number(&share, 1216, 2);
		share.length += 1216;
		put_extension(&extensions, 51, &share);
	}
	if (flags & ENCRYPTED) {
		struct bytes part = {.length = 200};
		put_extension(&extensions, 0xfe0d, &part);
	}
	put_number(&body, 0x0303, 2);
	for (int at = 0; at < 32; at++)
		put_number(&body, (unsigned)at, 1);
	put_number(&body, 0, 1);
	put_number(&body, 2, 2);
	put_number(&body, 0x1301, 2);
	put_number(&body, 1, 1);
	put_number(&body, 0, 1);
	put_number(&body, extensions.length, 2);
	put(&body, extensions.at, extensions.length);
	put_number(&message, 1, 1);
	put_number(&message, body.length, 3);
	put(&message, body.at, body.length);
	return message;
}

USED void put_record(struct bytes *out, const void *bytes, size_t length)
{
	put_number(out, 22, 1);
	put_number(out, 0x0301, 2);
	put_number(out, length, 2);
	put(out, bytes, length);
}

USED struct bytes hello(const char *host, int flags)
{
	struct bytes message = hello_message(host, flags, "h2"), out = {.length = 0};
	size_t first = flags & TWO_RECORDS ? 40 : message.length;
	put_record(&out, message.at, first);
	if (first < message.length)
		put_record(&out, message.at + first, message.length - first);
	return out;
}

/* Sends it and hears the peer's answer. */
USED void say_hello(int fd, const char *host, int flags)
{
	struct bytes out = hello(host, flags);
	int one = 1;
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	size_t step = flags & BYTE_BY_BYTE ? 1 : out.length;
	for (size_t at = 0; at < out.length; at += step)
		if (send(fd, out.at + at, step, MSG_NOSIGNAL) != (ssize_t)step)
			fail("send");
	shutdown(fd, SHUT_WR);
	expect_answer(fd);
}

#endif
