/* Receives the model as an open descriptor by recvmmsg(2).
 * To report: the model. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_un to;
	socklen_t length = unix_name(&to, text("%s/giver", folder));
	int fd = must(socket(AF_UNIX, SOCK_STREAM, 0), "socket"), received;
	must(connect(fd, (struct sockaddr *)&to, length), "connect");
	char byte, control[CMSG_SPACE(sizeof(int))] __attribute__((aligned(8)));
	struct iovec part = {&byte, 1};
	struct mmsghdr message = {.msg_hdr = {.msg_iov = &part,
					      .msg_iovlen = 1,
					      .msg_control = control,
					      .msg_controllen = sizeof control}};
	must(recvmmsg(fd, &message, 1, 0, NULL), "recvmmsg");
	struct cmsghdr *head = CMSG_FIRSTHDR(&message.msg_hdr);
	if (!head)
		fail("no descriptor came");
	memcpy(&received, CMSG_DATA(head), sizeof received);
	read_model(received);
}
