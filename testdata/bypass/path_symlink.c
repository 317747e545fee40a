/* Opens the model through a chain of symbolic links with harmless names.
 * To report: the model by the path of the file itself. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	must(symlink(model, text("%s/notes.txt", folder)), "symlink");
	must(symlink("notes.txt", text("%s/readme.md", folder)), "symlink");
	load_model(text("%s/readme.md", folder));
}
