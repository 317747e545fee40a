/* Opens the model and becomes another program, which reads what it finds open.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	if (argc > 4) {
		read_model(atoi(argv[4]));
		return 0;
	}
	int fd = must(open(model, O_RDONLY), model);
	execl("/proc/self/exe", argv[0], model, name, folder, text("%d", fd), NULL);
	fail("exec");
}
