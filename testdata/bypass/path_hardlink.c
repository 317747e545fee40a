/* Opens the model by a second, harmless name of the file (hard link).
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	must(link(model, text("%s/notes.txt", folder)), "link");
	load_model(text("%s/notes.txt", folder));
}
