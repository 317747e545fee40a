/* Opens a model below more than 4,096 bytes of directories, step by step: its whole path fits no buffer.
 * To report: the model, and that its path is cut. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char part[201];
	memset(part, 'd', sizeof part - 1);
	part[sizeof part - 1] = 0;
	must(chdir(folder), "chdir");
	for (int depth = 0; depth < 30; depth++) {
		must(mkdir(part, 0755), "mkdir");
		must(chdir(part), "chdir");
	}
	new_model("weights", name);
	read_model(must(open("weights", O_RDONLY), "open"));
	stay();
}
