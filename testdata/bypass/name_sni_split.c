/* Says the server's name in a TLS hello that is sent with one byte per segment.
 * To report: the name. */
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	say_hello(tcp_to_peer(PEER_PORT), text("%s.example", name), BYTE_BY_BYTE);
}
