/* What the programs of the bypass suite share.
 *
 * Each program is called `PROGRAM MODEL NAME FOLDER`: a model that exists, a name that nothing else in the
 * world has (it stands in the model's metadata), and a folder of this row alone. It exits with 0 only if what
 * its first comment says has really happened, with 77 and a reason if the machine lacks something, else with 1.
 * None runs longer than LIMIT_SECONDS. What it mounts, it mounts in a namespace of its own.
 */
#ifndef BYPASS_H
#define BYPASS_H

#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#define LIMIT_SECONDS 30
#define NOT_HERE 77

/* The peer: documentation addresses (RFC 5737, RFC 3849) that the trial puts on its loopback device. */
#define PEER4 "203.0.113.7"
#define PEER6 "2001:db8::7"
/* Answers on TCP and UDP whatever it is sent. */
#define PEER_PORT 443
#define PLAIN_PORT 8080
#define DNS_PORT 53
#define ODD_DNS_PORT 5353

#define USED __attribute__((unused)) static

__attribute__((constructor)) static void bounded(void) { alarm(LIMIT_SECONDS); }

__attribute__((noreturn)) USED void fail(const char *what)
{
	fprintf(stderr, "bypass: %s: %s\n", what, strerror(errno));
	exit(1);
}

/* This machine cannot do what the row is about. */
__attribute__((noreturn)) USED void not_here(const char *what)
{
	fprintf(stderr, "%s: %s\n", what, strerror(errno));
	exit(NOT_HERE);
}

USED long must(long result, const char *what)
{
	if (result < 0)
		fail(what);
	return result;
}

/* The errors that say "not in this kernel". */
USED int is_missing(int error)
{
	return error == ENOSYS || error == EOPNOTSUPP || error == EAFNOSUPPORT || error == EPROTONOSUPPORT ||
	       error == ESOCKTNOSUPPORT || error == ENODEV || error == ENOENT;
}

/* A safetensors file: length of the header in eight bytes, then JSON. */
USED void check_model(const void *bytes, long length)
{
	uint64_t header = 0;
	if (length < 9 || (memcpy(&header, bytes, 8), header == 0 || header > 1 << 20) ||
	    ((const char *)bytes)[8] != '{') {
		errno = EILSEQ;
		fail("what was read is no model");
	}
}

USED void read_model(int fd)
{
	char bytes[64];
	check_model(bytes, must(pread(fd, bytes, sizeof bytes, 0), "read the model"));
}

USED void map_model(int fd)
{
	const char *bytes = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	if (bytes == MAP_FAILED)
		fail("map the model");
	check_model(bytes, 64);
}

/* Opens and reads it the ordinary way. */
USED void load_model(const char *path)
{
	int fd = must(open(path, O_RDONLY | O_CLOEXEC), path);
	read_model(fd);
	close(fd);
}

/* A whole model that carries the name; its length. */
USED size_t make_model(char *out, size_t room, const char *name)
{
	int length = snprintf(out + 8, room - 8 - 16,
			      "{\"__metadata__\":{\"bypass\":\"%s\"},"
			      "\"t\":{\"dtype\":\"F32\",\"shape\":[4],\"data_offsets\":[0,16]}}",
			      name);
	uint64_t header = (uint64_t)length;
	memcpy(out, &header, 8);
	memset(out + 8 + length, 0, 16);
	return 8 + (size_t)length + 16;
}

USED void write_model(int fd, const char *name)
{
	char bytes[1024];
	size_t length = make_model(bytes, sizeof bytes, name);
	if (write(fd, bytes, length) != (ssize_t)length)
		fail("write the model");
}

/* Made with a descriptor that cannot read, so that making it is not loading it. */
USED void new_model(const char *path, const char *name)
{
	int fd = must(open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644), path);
	write_model(fd, name);
	close(fd);
}

__attribute__((format(printf, 1, 2))) USED char *text(const char *format, ...)
{
	char *made = NULL;
	va_list list;
	va_start(list, format);
	if (vasprintf(&made, format, list) < 0)
		fail("memory");
	va_end(list);
	return made;
}

USED void copy_file(const char *from, const char *to, mode_t mode)
{
	char bytes[65536];
	ssize_t length;
	int in = must(open(from, O_RDONLY | O_CLOEXEC), from);
	int out = must(open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode), to);
	while ((length = must(read(in, bytes, sizeof bytes), "read")) > 0)
		must(write(out, bytes, (size_t)length), "write");
	close(in);
	close(out);
}

USED void wait_for(pid_t child)
{
	int status = 0;
	must(waitpid(child, &status, __WALL), "wait");
	if (!WIFEXITED(status) || WEXITSTATUS(status)) {
		errno = ECHILD;
		if (WIFEXITED(status) && WEXITSTATUS(status) == NOT_HERE)
			exit(NOT_HERE);
		fail("the child failed");
	}
}

/* Lives on for a while, as whoever uses a model does: what it has open or mounted can still be looked at. */
USED void stay(void)
{
	/* Set where only the question is whether the machine can do it. */
	if (!getenv("BYPASS_IN_HASTE"))
		usleep(1500 * 1000);
}

/* Mounts from here on are nobody else's. */
USED void own_mounts(void)
{
	must(unshare(CLONE_NEWNS), "unshare mounts");
	must(mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL), "private mounts");
}

USED struct sockaddr_in peer4(int port)
{
	struct sockaddr_in to = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
	inet_pton(AF_INET, PEER4, &to.sin_addr);
	return to;
}

USED struct sockaddr_in6 peer6(const char *address, int port)
{
	struct sockaddr_in6 to = {.sin6_family = AF_INET6, .sin6_port = htons((uint16_t)port)};
	inet_pton(AF_INET6, address, &to.sin6_addr);
	return to;
}

/* A Unix socket's address; `@` in front stands for the abstract name space. */
USED socklen_t unix_name(struct sockaddr_un *to, const char *name)
{
	memset(to, 0, sizeof *to);
	to->sun_family = AF_UNIX;
	memcpy(to->sun_path, name, strlen(name) < sizeof to->sun_path ? strlen(name) : sizeof to->sun_path - 1);
	if (name[0] != '@')
		return sizeof *to;
	to->sun_path[0] = 0;
	return (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(name));
}

USED int tcp_to_peer(int port)
{
	struct sockaddr_in to = peer4(port);
	int fd = must(socket(AF_INET, SOCK_STREAM, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
	return fd;
}

/* The peer's answer to whatever it got. */
USED void expect_answer(int fd)
{
	char answer[16] = {0};
	long length = must(recv(fd, answer, sizeof answer - 1, 0), "receive");
	if (length < 3 || memcmp(answer, "ok\n", 3)) {
		errno = EPROTO;
		fail("the peer's answer");
	}
}

/* Says everything, then hears the answer. */
USED void talk(int fd, const void *bytes, size_t length)
{
	if (send(fd, bytes, length, MSG_NOSIGNAL) != (ssize_t)length)
		fail("send");
	shutdown(fd, SHUT_WR);
	expect_answer(fd);
}

USED void ping(int fd) { talk(fd, "ping", 4); }

/* Receives one descriptor from the process outside. */
USED int descriptor_from(const char *socket_path)
{
	struct sockaddr_un to;
	socklen_t length = unix_name(&to, socket_path);
	int fd = must(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, length), socket_path);
	char byte;
	struct iovec part = {&byte, 1};
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control;
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control};
	must(recvmsg(fd, &message, 0), "receive a descriptor");
	struct cmsghdr *head = CMSG_FIRSTHDR(&message);
	if (!head || head->cmsg_type != SCM_RIGHTS) {
		errno = EPROTO;
		fail("no descriptor came");
	}
	int received;
	memcpy(&received, CMSG_DATA(head), sizeof received);
	close(fd);
	return received;
}

/* The process outside that holds the model open and in memory: FOLDER/holder has one line. */
struct holder {
	int pid, fd;
	unsigned long address, length;
};

USED struct holder holder(const char *folder)
{
	struct holder found;
	FILE *file = fopen(text("%s/holder", folder), "r");
	if (!file || fscanf(file, "%d %d %lu %lu", &found.pid, &found.fd, &found.address, &found.length) != 4)
		fail("holder");
	fclose(file);
	return found;
}

#define ARGUMENTS                                                                                              \
	const char *model = argv[1], *name = argv[2], *folder = argv[3];                                       \
	if (argc < 4) {                                                                                        \
		errno = EINVAL;                                                                                \
		fail("usage: PROGRAM MODEL NAME FOLDER");                                                      \
	}                                                                                                      \
	(void)model, (void)name, (void)folder

#endif
