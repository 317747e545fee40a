/* Moves the model into a socket by sendfile(2) and reads it from there.
 * To report: the model. */
#include "bypass.h"
#include <sys/sendfile.h>

int main(int argc, char **argv)
{
	ARGUMENTS;
	int pair[2], fd = must(open(model, O_RDONLY), model);
	char bytes[64];
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), "socketpair");
	must(sendfile(pair[0], fd, NULL, 64), "sendfile");
	check_model(bytes, must(read(pair[1], bytes, sizeof bytes), "read"));
}
