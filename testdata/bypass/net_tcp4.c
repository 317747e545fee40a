/* Connects over IPv4 to a literal address, without a name.
 * To report: the peer and its port, and that its name is not known. */
#include "bypass.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	ping(tcp_to_peer(PEER_PORT));
}
