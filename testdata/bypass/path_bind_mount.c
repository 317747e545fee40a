/* Binds the model over another file in a mount namespace of its own, and opens that.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	own_mounts();
	char *cover = text("%s/notes.txt", folder);
	close(must(open(cover, O_WRONLY | O_CREAT, 0644), cover));
	must(mount(model, cover, NULL, MS_BIND, NULL), "bind");
	load_model(cover);
	stay();
}
