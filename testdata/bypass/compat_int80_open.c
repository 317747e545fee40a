/* A 64-bit program opens the model by the oldest call there is: open of i386 (int 0x80, number 5).
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
	__asm__ volatile("int $0x80" : "=a"(fd) : "a"(5L), "b"(low), "c"(0L), "d"(0L) : "memory");
	if (fd < 0) {
		errno = (int)-fd;
		not_here("int 0x80");
	}
	map_model((int)fd);
#else
	errno = ENOSYS;
	not_here("int 0x80");
#endif
}
