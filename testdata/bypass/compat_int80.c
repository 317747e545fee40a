/* A 64-bit program opens the model by the 32-bit system call openat (int 0x80).
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
#ifdef __x86_64__
	char *low = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_32BIT, -1, 0);
	if (low == MAP_FAILED)
		fail("memory below 4 GiB");
	strncpy(low, model, 8191);
	long fd;
	/* 295 is openat of i386. */
	__asm__ volatile("int $0x80" : "=a"(fd) : "a"(295L), "b"((long)AT_FDCWD), "c"(low), "d"(0L), "S"(0L) : "memory");
	if (fd < 0) {
		errno = (int)-fd;
		not_here("int 0x80");
	}
	read_model((int)fd);
#else
	errno = ENOSYS;
	not_here("int 0x80");
#endif
}
