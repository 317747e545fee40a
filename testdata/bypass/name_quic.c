/* Says the server's name in an Initial packet of QUIC version 1.
 * To report: the peer and its port over UDP, and the name. */
#include "quic_initial.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	send_initial(quic_v1, sizeof quic_v1);
}
