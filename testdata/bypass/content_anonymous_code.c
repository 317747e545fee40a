/* Reads machine code from a file into memory that belongs to no file, makes it executable, and runs it.
 * To report: that code may run that no file is mapped for. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
#ifdef __x86_64__
	static const unsigned char code[] = {0xb8, 0x2a, 0, 0, 0, 0xc3}; /* return 42 */
	char *path = text("%s/data.bin", folder);
	int out = must(open(path, O_WRONLY | O_CREAT, 0644), path);
	must(write(out, code, sizeof code), "write");
	int in = must(open(path, O_RDONLY), path);
	void *memory = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(read(in, memory, sizeof code), "read");
	must(mprotect(memory, 4096, PROT_READ | PROT_EXEC), "mprotect");
	if (((int (*)(void))memory)() != 42)
		fail("the code");
#else
	errno = ENOSYS;
	not_here("code of this architecture");
#endif
}
