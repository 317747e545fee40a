/* Resolves a name over UDP on a port that is not 53, and connects without saying it.
 * To report: the peer by its address, that its name is not known, and the resolver as a peer of its own. */
#include "dns.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	dns_udp(text("%s.example", name), ODD_DNS_PORT, PEER4);
	ping(tcp_to_peer(PEER_PORT));
}
