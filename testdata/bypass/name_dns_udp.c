/* Resolves a name over UDP, and connects without saying it.
 * To report: the peer by its name, as its resolver said. */
#include "dns.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	dns_udp(text("%s.example", name), DNS_PORT, PEER4);
	ping(tcp_to_peer(PEER_PORT));
}
