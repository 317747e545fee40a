/* Opens a model whose name has a newline, a terminal escape, a bell, bytes that are no UTF-8, and ends in " (deleted)".
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	char *path = text("%s/a\nb\x1b[2J\x07\xff\xfe\xe2\x80\xae (deleted)", folder);
	new_model(path, name);
	load_model(path);
}
