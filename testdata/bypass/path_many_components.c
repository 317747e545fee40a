/* Opens a model below a hundred directories with short names.
 * To report: the model, and that its path is cut if it is. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	must(chdir(folder), "chdir");
	for (int depth = 0; depth < 100; depth++) {
		must(mkdir("d", 0755), "mkdir");
		must(chdir("d"), "chdir");
	}
	new_model("weights", name);
	read_model(must(open("weights", O_RDONLY), "open"));
	stay();
}
