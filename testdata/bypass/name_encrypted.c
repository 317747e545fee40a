/* Says a harmless name outside of an Encrypted Client Hello.
 * To report: the harmless name, and that the real one is hidden. */
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	say_hello(tcp_to_peer(PEER_PORT), text("%s.example", name), ENCRYPTED);
}
