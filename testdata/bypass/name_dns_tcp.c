/* Resolves a name over TCP, and connects without saying it.
 * To report: the peer by its name, as its resolver said. */
#include "dns.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	dns_tcp(text("%s.example", name), DNS_PORT);
	ping(tcp_to_peer(PEER_PORT));
}
