/* A 64-bit program connects by the 32-bit system calls socket and connect (int 0x80).
 * To report: the peer and its port. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
#ifdef __x86_64__
	struct sockaddr_in *low = mmap(NULL, 4096, PROT_READ | PROT_WRITE,
				       MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		fail("memory below 4 GiB");
	*low = peer4(PEER_PORT);
	long fd, done;
	/* 359 and 362 are socket and connect of i386. */
	__asm__ volatile("int $0x80"
			 : "=a"(fd)
			 : "a"(359L), "b"((long)AF_INET), "c"((long)SOCK_STREAM), "d"(0L)
			 : "memory");
	if (fd < 0) {
		errno = (int)-fd;
		not_here("int 0x80");
	}
	__asm__ volatile("int $0x80"
			 : "=a"(done)
			 : "a"(362L), "b"(fd), "c"(low), "d"((long)sizeof *low)
			 : "memory");
	errno = (int)-done;
	must(done, "connect");
	ping((int)fd);
#else
	errno = ENOSYS;
	not_here("int 0x80");
#endif
}
