/* Asks the kernel to tell when somebody opens the model (fanotify); a process outside opens it, and the event brings a
 * descriptor of the model that nobody opened here.
 * To report: the model. */
#include "bypass.h"
#include <sys/fanotify.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	int group = fanotify_init(FAN_CLASS_NOTIF, O_RDONLY);
	if (group < 0)
		not_here("fanotify_init");
	/* The folder's children: the model itself is not touched. */
	must(fanotify_mark(group, FAN_MARK_ADD, FAN_OPEN | FAN_EVENT_ON_CHILD, AT_FDCWD, folder), "mark");
	/* The process outside opens the model for whoever connects. */
	struct sockaddr_un to;
	socklen_t length = unix_name(&to, text("%s/giver", folder));
	int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, length), "connect");
	for (;;) {
		struct fanotify_event_metadata event;
		char bytes[64];
		must(read(group, &event, sizeof event), "event");
		/* Its answer to anything else that is opened there is no model. */
		if (pread(event.fd, bytes, sizeof bytes, 0) == sizeof bytes && bytes[8] == '{')
			break;
		close(event.fd);
	}
}
