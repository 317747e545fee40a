/* Resolves five hundred names, and one among them of the host it connects to.
 * To report: the name of the host it connects to, or that names were lost. */
#include "dns.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	for (int number = 0; number < 500; number++)
		dns_udp(number == 250 ? text("%s.example", name) : text("n%d.decoy.example", number), DNS_PORT,
			number == 250 ? PEER4 : "203.0.113.99");
	ping(tcp_to_peer(PEER_PORT));
}
