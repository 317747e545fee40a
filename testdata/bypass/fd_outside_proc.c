/* Opens the model through /proc/PID/fd of a process outside that has it open.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct holder outside = holder(folder);
	load_model(text("/proc/%d/fd/%d", outside.pid, outside.fd));
}
