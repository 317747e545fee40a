/* Resolves one name and says another one to the server.
 * To report: both names, and that they differ. */
#include "dns.h"
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	dns_udp(text("%s.example", name), DNS_PORT, PEER4);
	say_hello(tcp_to_peer(PEER_PORT), "front.example", 0);
}
