/* Says the server's name in a TLS hello.
 * To report: the name, and that the client said it. */
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	say_hello(tcp_to_peer(PEER_PORT), text("%s.example", name), 0);
}
