/* Serves a file system from user space (FUSE, the raw protocol) whose one file is a model that exists nowhere, and
 * opens that file.
 * To report: the model. */
#include "bypass.h"
#include <linux/fuse.h>

static char content[1024];
static size_t content_length;

static void reply(int device, uint64_t unique, int error, const void *body, size_t length)
{
	struct fuse_out_header head = {.len = (uint32_t)(sizeof head + length), .error = error, .unique = unique};
	struct iovec parts[2] = {{&head, sizeof head}, {(void *)body, length}};
	/* A request that was given up in the meantime is no failure. */
	if (writev(device, parts, 2) < 0 && errno != ENOENT)
		_exit(1);
}

static struct fuse_attr attributes(uint64_t node)
{
	return (struct fuse_attr){.ino = node,
				  .size = node == 1 ? 0 : content_length,
				  .mode = node == 1 ? S_IFDIR | 0755 : S_IFREG | 0644,
				  .nlink = 1};
}

static void serve(int device)
{
	static char request[1 << 17];
	for (;;) {
		ssize_t length = read(device, request, sizeof request);
		if (length < 0 && (errno == EINTR || errno == ENOENT))
			continue;
		if (length <= 0)
			_exit(0);
		struct fuse_in_header *in = (void *)request;
		switch (in->opcode) {
		case FUSE_INIT: {
			struct fuse_init_out out = {.major = 7, .minor = 31, .max_write = 4096};
			reply(device, in->unique, 0, &out, sizeof out);
			break;
		}
		case FUSE_LOOKUP: {
			struct fuse_entry_out out = {.nodeid = 2, .attr = attributes(2), .attr_valid = 60};
			int known = !strcmp(request + sizeof *in, "weights");
			reply(device, in->unique, known ? 0 : -ENOENT, &out, known ? sizeof out : 0);
			break;
		}
		case FUSE_GETATTR: {
			struct fuse_attr_out out = {.attr_valid = 60, .attr = attributes(in->nodeid)};
			reply(device, in->unique, 0, &out, sizeof out);
			break;
		}
		case FUSE_OPEN: {
			struct fuse_open_out out = {.fh = 1, .open_flags = FOPEN_DIRECT_IO};
			reply(device, in->unique, 0, &out, sizeof out);
			break;
		}
		case FUSE_READ: {
			struct fuse_read_in *want = (void *)(request + sizeof *in);
			size_t from = want->offset < content_length ? want->offset : content_length;
			size_t count = content_length - from < want->size ? content_length - from : want->size;
			reply(device, in->unique, 0, content + from, count);
			break;
		}
		case FUSE_FORGET:
		case FUSE_BATCH_FORGET:
		case FUSE_INTERRUPT:
			break;
		case FUSE_RELEASE:
		case FUSE_FLUSH:
			reply(device, in->unique, 0, NULL, 0);
			break;
		default:
			reply(device, in->unique, -ENOSYS, NULL, 0);
		}
	}
}

int main(int argc, char **argv)
{
	ARGUMENTS;
	content_length = make_model(content, sizeof content, name);
	int device = open("/dev/fuse", O_RDWR);
	if (device < 0)
		not_here("/dev/fuse");
	own_mounts();
	char *place = text("%s/served", folder);
	must(mkdir(place, 0755), place);
	if (mount("none", place, "fuse", 0, text("fd=%d,rootmode=40755,user_id=0,group_id=0,allow_other", device)))
		not_here("mount fuse");
	pid_t server = must(fork(), "fork");
	if (!server)
		serve(device);
	load_model(text("%s/weights", place));
	stay();
	must(umount2(place, MNT_DETACH), "unmount");
	must(kill(server, SIGKILL), "kill");
}
