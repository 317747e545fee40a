/* Opens the model only for its place (O_PATH), and then that descriptor again through /proc/self/fd.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int place = must(open(model, O_PATH), model);
	load_model(text("/proc/self/fd/%d", place));
}
