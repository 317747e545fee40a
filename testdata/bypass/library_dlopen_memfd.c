/* Copies a library into memory (memfd) and loads it by dlopen through /proc/self/fd.
 * To report: the library. */
#include "bypass.h"
#include <dlfcn.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	char bytes[65536];
	ssize_t length;
	int fd = must(memfd_create("x", 0), "memfd_create");
	int in = must(open(text("%s/library.so", folder), O_RDONLY), "library.so");
	while ((length = must(read(in, bytes, sizeof bytes), "read")) > 0)
		must(write(fd, bytes, (size_t)length), "write");
	close(in);
	void *library = dlopen(text("/proc/self/fd/%d", fd), RTLD_NOW);
	if (!library || !dlsym(library, "bypass_answer")) {
		fprintf(stderr, "%s\n", dlerror());
		return 1;
	}
}
