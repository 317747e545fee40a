/* Resolves a name over a UDP socket that is not connected.
 * To report: the peer by its name, as its resolver said. */
#include "dns.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	unsigned char bytes[512];
	struct sockaddr_in to = peer4(DNS_PORT);
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	size_t length = dns_question(bytes, text("%s.example", name));
	must(sendto(fd, bytes, length, 0, (struct sockaddr *)&to, sizeof to), "send");
	dns_check(bytes, must(recv(fd, bytes, sizeof bytes, 0), "receive"), PEER4);
	ping(tcp_to_peer(PEER_PORT));
}
