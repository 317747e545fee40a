/* Looks for the BPF links that are attached to its own cgroup, and detaches them; then sends a TLS hello.
 * To report: the name in the hello, or that a probe was taken away. */
#include "detach.h"
#include "hello.h"

int main(int argc, char **argv)
{
	ARGUMENTS;
	detach_own_cgroup();
	say_hello(tcp_to_peer(PEER_PORT), text("%s.example", name), 0);
}
