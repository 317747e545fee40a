/* Opens the model by a file handle: no path is passed.
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct {
		struct file_handle head;
		unsigned char bytes[128];
	} handle = {.head = {.handle_bytes = 128}};
	int mount_id;
	if (name_to_handle_at(AT_FDCWD, model, &handle.head, &mount_id, 0))
		not_here("name_to_handle_at");
	int folder_fd = must(open(folder, O_RDONLY | O_DIRECTORY), folder);
	int fd = must(open_by_handle_at(folder_fd, &handle.head, O_RDONLY), "open_by_handle_at");
	read_model(fd);
}
