/* Says the server's name in a TLS hello on a port that is not for TLS.
 * To report: the name. */
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	say_hello(tcp_to_peer(PLAIN_PORT), text("%s.example", name), 0);
}
