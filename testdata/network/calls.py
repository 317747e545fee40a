"""Calls, one for each word on the command line: calls.py NAME[=ARGUMENT]..."""

import os
import socket
import struct
import sys

ECHO = ("127.0.10.8", 7)
PLAIN = ("127.0.10.8", 80)
PROXY = ("127.0.10.9", 3128)
REQUEST = b"GET /path?token=x HTTP/1.1\r\nHost: %s\r\n\r\n"


def repeated(sock, datagram, peer=None):
    sock.settimeout(10)
    sock.sendto(datagram, peer) if peer else sock.send(datagram)
    answer = sock.recv(65536)
    assert answer == datagram, (answer, datagram)


def asked(sock, data):
    sock.settimeout(10)
    sock.sendall(data)
    assert sock.recv(65536).startswith(b"HTTP/1.1 "), "no answer"
    sock.close()


def hello(name):
    """A TLS ClientHello for this name: enough of RFC 8446 for who reads only that."""

    def counted(data, size=2):
        return len(data).to_bytes(size, "big") + data

    server_name = struct.pack(">H", 0) + counted(counted(b"\0" + counted(name)))
    body = b"\3\3" + bytes(32) + b"\0" + counted(b"\x13\1") + b"\1\0" + counted(server_name)
    return b"\x16\3\1" + counted(b"\1" + counted(body, 3))


def udp_unconnected(_):
    repeated(socket.socket(socket.AF_INET, socket.SOCK_DGRAM), b"x" * 100, ECHO)


def udp_connected(_):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(ECHO)
    for _ in range(3):
        repeated(sock, b"y" * 50)


def udp_mapped(_):
    """IPv4 through a socket of IPv6."""
    repeated(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), b"z" * 10, ("::ffff:" + ECHO[0], ECHO[1]))


def udp_v6(_):
    repeated(socket.socket(socket.AF_INET6, socket.SOCK_DGRAM), b"z" * 10, ("::1", 7))


def udp_extended(_):
    """Hop-by-hop and destination options before the header of UDP (RFC 8200 §4; six bytes of padding each)."""
    sock = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    padding = b"\0\0\1\4\0\0\0\0"
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_HOPOPTS, padding)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, padding)
    repeated(sock, b"z" * 10, ("::1", 7))


def udp_segments(_):
    """Several datagrams in one packet of the kernel's (UDP_SEGMENT, udp(7))."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.setsockopt(socket.IPPROTO_UDP, 103, 1200)
    sock.connect(ECHO)
    sock.settimeout(10)
    sock.send(b"s" * 3000)
    assert len(sock.recv(65536)) == 1200


def udp_silent(_):
    """Connected, and nothing sent: how resolvers sort addresses."""
    socket.socket(socket.AF_INET, socket.SOCK_DGRAM).connect(("127.0.10.77", 443))


def udp_inherited(_):
    """A child sends by a socket that its parent connected."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.connect(ECHO)
    if os.fork() == 0:
        repeated(sock, b"child")
        os._exit(0)
    assert os.wait()[1] == 0


def http(host):
    asked(socket.create_connection(PLAIN), REQUEST % host.encode())


def http_in_pieces(host):
    sock = socket.create_connection(PLAIN)
    sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    request = REQUEST % host.encode()
    while len(request) > 8:
        sock.sendall(request[:8])
        request = request[8:]
    asked(sock, request)


def http_extended(host):
    sock = socket.socket(socket.AF_INET6)
    sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_DSTOPTS, b"\0\0\1\4\0\0\0\0")
    sock.connect(("::1", 80))
    asked(sock, REQUEST % host.encode())


def http_mptcp(host):
    sock = socket.socket(socket.AF_INET, socket.SOCK_STREAM, 262)
    sock.connect(PLAIN)
    asked(sock, REQUEST % host.encode())


def fast_open(host):
    """Data in the SYN: net.ipv4.tcp_fastopen is the network namespace's own; 4 means without a cookie."""
    with open("/proc/sys/net/ipv4/tcp_fastopen", "w") as setting:
        setting.write("5")
    sock = socket.socket()
    sock.sendto(REQUEST % host.encode(), socket.MSG_FASTOPEN, PLAIN)
    asked(sock, b"")


def model(name):
    body = b'{"stream":false,"model":"%s"}' % name.encode()
    asked(
        socket.create_connection(PLAIN),
        b"POST /v1/chat HTTP/1.1\r\nHost: llm.example\r\nContent-Type: application/json\r\n"
        b"Content-Length: %d\r\n\r\n%s" % (len(body), body),
    )


def tls(name):
    asked(socket.create_connection(PLAIN), hello(name.encode()))


def tls_exec(name):
    """Connects, becomes another program, and only then says whom it wants."""
    sock = socket.create_connection(PLAIN)
    os.set_inheritable(sock.fileno(), True)
    os.execv(sys.executable, [sys.executable, __file__, f"tls_on={sock.fileno()},{name}"])


def tls_on(what):
    number, name = what.split(",")
    asked(socket.socket(fileno=int(number)), hello(name.encode()))


def tunnel(target):
    """A CONNECT, and a hello behind it."""
    sock = socket.create_connection(PROXY)
    sock.settimeout(10)
    sock.sendall(b"CONNECT %s:443 HTTP/1.1\r\nHost: %s:443\r\n\r\n" % (target.encode(), target.encode()))
    assert b" 200 " in sock.recv(65536)
    sock.sendall(hello(target.encode()))
    sock.recv(65536)


def through_proxy(host):
    asked(socket.create_connection(PROXY), b"GET http://%s/path HTTP/1.1\r\nHost: %s\r\n\r\n" % ((host.encode(),) * 2))


def resolve(name):
    socket.getaddrinfo(name, 443, socket.AF_INET)


def front(name):
    """Resolves one name and asks its address for another."""
    address = socket.getaddrinfo("api.openai.com", 443, socket.AF_INET)[0][4]
    sock = socket.create_connection(address)
    sock.sendall(hello(name.encode()))
    sock.recv(65536)


def unix(path):
    name = "\0" + path[1:] if path.startswith("@") else path
    sock = socket.socket(socket.AF_UNIX)
    sock.connect(name)


def unix_inside(path):
    """Both ends in one process."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(path)
    listener.listen()
    unix(path)


def serve(port):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("0.0.0.0", int(port)))
    listener.listen()
    for _ in range(3):
        client = socket.create_connection(("127.0.0.1", int(port)))
        server, _ = listener.accept()
        client.sendall(b"q")
        server.recv(1)
        server.sendall(hello(b"an-answer.example"))
        client.recv(9)
        server.close()
        client.close()


def serve_datagrams(port):
    server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    server.bind(("127.0.0.1", int(port)))
    client = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    client.sendto(b"q", ("127.0.0.1", int(port)))
    server.sendto(b"a", server.recvfrom(9)[1])
    client.recv(9)


def other(numbers):
    socket.socket(*map(int, numbers.split(",")))


def pair(numbers):
    socket.socketpair(*map(int, numbers.split(",")))


def leave(folder):
    """Out of the subject's cgroup, and then a socket."""
    with open(os.path.join(folder, "cgroup.procs"), "w") as members:
        members.write(str(os.getpid()))
    udp_unconnected(None)


for word in sys.argv[1:]:
    call, _, argument = word.partition("=")
    globals()[call](argument)
