/* Says the server's name in a TLS hello with a post-quantum key share, which is larger than a packet.
 * To report: the name. */
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	say_hello(tcp_to_peer(PEER_PORT), text("%s.example", name), LARGE_KEY_SHARE);
}
