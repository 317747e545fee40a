/* Stops the process that observes it, floods the kernel's buffers with opens of other files until they are full, opens
 * the model, and lets the observer run on.
 * To report: the model, or that opens were lost. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	pid_t observer = getppid();
	must(kill(observer, SIGSTOP), "stop");
	pid_t rescuer = must(fork(), "fork");
	if (!rescuer) {
		/* Whatever happens, nobody stays stopped. */
		sleep(15);
		kill(observer, SIGCONT);
		_exit(0);
	}
	must(mkdir(text("%s/flood", folder), 0755), "mkdir");
	for (int number = 0; number < 40000; number++) {
		char path[512];
		snprintf(path, sizeof path, "%s/flood/%06d", folder, number);
		int fd = open(path, O_RDWR | O_CREAT, 0644);
		if (fd < 0)
			break;
		close(fd);
	}
	load_model(model);
	must(kill(observer, SIGCONT), "continue");
	must(kill(rescuer, SIGKILL), "kill");
}
