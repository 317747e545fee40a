/* Makes a new model by creat(2), whose descriptor cannot read, and opens it again through /proc.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
#ifdef SYS_creat
	int fd = must(syscall(SYS_creat, text("%s/made", folder), 0644), "creat");
#else
	int fd = must(open(text("%s/made", folder), O_WRONLY | O_CREAT | O_TRUNC, 0644), "create");
#endif
	write_model(fd, name);
	load_model(text("/proc/self/fd/%d", fd));
}
