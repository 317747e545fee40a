/* Kills the process that observes it, and opens the model afterwards.
 * To report: nothing can be. What was written by an earlier observation must be whole, and nobody may take the missing
 * document for an empty one. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	must(kill(getppid(), SIGKILL), "kill");
	load_model(model);
	new_model(text("%s/proof", folder), "proof");
}
