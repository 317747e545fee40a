/* Copies a program into memory (memfd), and becomes it.
 * To report: that a program was run whose content is in no file system. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	if (argc > 4) {
		load_model(model);
		stay();
		return 0;
	}
	char bytes[65536];
	ssize_t length;
	int fd = must(memfd_create("x", MFD_CLOEXEC), "memfd_create");
	int in = must(open("/proc/self/exe", O_RDONLY), "exe");
	while ((length = must(read(in, bytes, sizeof bytes), "read")) > 0)
		must(write(fd, bytes, (size_t)length), "write");
	char *arguments[] = {"x", (char *)model, (char *)name, (char *)folder, "again", NULL}, *none[] = {NULL};
	fexecve(fd, arguments, none);
	fail("fexecve");
}
