/* Says no server name in its TLS hello, and has resolved none.
 * To report: the peer, and that its name is not known. */
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	say_hello(tcp_to_peer(PEER_PORT), NULL, 0);
}
