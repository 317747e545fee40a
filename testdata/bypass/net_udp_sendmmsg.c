/* Speaks over UDP by sendmmsg(2): two peers' ports in one call.
 * To report: the peer and both ports. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	struct sockaddr_in to[2] = {peer4(PEER_PORT), peer4(PLAIN_PORT)};
	struct iovec part = {"ping", 4};
	struct mmsghdr messages[2] = {0};
	for (int at = 0; at < 2; at++)
		messages[at].msg_hdr = (struct msghdr){
			.msg_name = &to[at], .msg_namelen = sizeof to[at], .msg_iov = &part, .msg_iovlen = 1};
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	errno = EPROTO;
	if (sendmmsg(fd, messages, 2, 0) != 2)
		fail("sendmmsg");
	expect_answer(fd);
	expect_answer(fd);
}
