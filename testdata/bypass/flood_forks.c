/* Makes two thousand children that do nothing, and one among them that opens the model.
 * To report: the model, or that processes were lost. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	for (int number = 0; number < 2000; number++) {
		pid_t child = must(fork(), "fork");
		if (!child) {
			if (number == 1000)
				load_model(model);
			_exit(0);
		}
		wait_for(child);
	}
}
