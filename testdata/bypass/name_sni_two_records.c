/* Says the server's name in a TLS hello that is cut in two TLS records.
 * To report: the name. */
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	say_hello(tcp_to_peer(PEER_PORT), text("%s.example", name), TWO_RECORDS);
}
