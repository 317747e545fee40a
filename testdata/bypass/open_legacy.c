/* Opens the model by open(2), which libraries no longer use.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
#ifdef SYS_open
	int fd = must(syscall(SYS_open, model, O_RDONLY, 0), "open");
	read_model(fd);
#else
	errno = ENOSYS;
	not_here("open");
#endif
}
