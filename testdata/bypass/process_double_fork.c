/* Becomes a daemon (fork, setsid, fork): the grandchild, whose parent is init, opens the model after the program that
 * was started has ended.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	pid_t first = getpid();
	if (!must(fork(), "fork")) {
		setsid();
		if (must(fork(), "fork"))
			_exit(0);
		/* Until the one that was started is gone. */
		while (!kill(first, 0))
			usleep(1000);
		load_model(model);
		new_model(text("%s/proof", folder), "proof");
		_exit(0);
	}
}
