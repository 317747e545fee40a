/* Says the server's name in a hello that needs two Initial packets of QUIC; the second half comes first, and the first
 * half in pieces that are out of order.
 * To report: the peer and its port over UDP, and the name. */
#include "quic_initial.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	int fd = quic_socket();
	must(send(fd, quic_second_half, sizeof quic_second_half, 0), "send");
	must(send(fd, quic_first_half, sizeof quic_first_half, 0), "send");
	expect_answer(fd);
	expect_answer(fd);
}
