"""Makes the packets of quic_initial.h: `python quic_initial.py > quic_initial.h`, with PyPI's `cryptography`.

QUIC Initial packets of a client (RFC 9000 section 17.2.2), protected as RFC 9001 section 5 and RFC 9369 section 3.3
say. The keys follow from the connection id, which stands in the packet: they hide nothing.
"""

import struct

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDFExpand
import hashlib
import hmac

VERSIONS = {
    "v1": (1, "38762cf7f55934b34d179ae6a4c80cadccbb7f0a", "quic", 0xC0),
    "v2": (0x6B3343CF, "0dede3def700a6db819381be6e269dcbf9bd2ed9", "quicv2", 0xD0),
}
DESTINATION = bytes.fromhex("8394c8f03e515708")
SOURCE = bytes.fromhex("c0ffee07")


def expand(secret, label, length):
    label = b"tls13 " + label.encode()
    info = struct.pack(">HB", length, len(label)) + label + b"\0"
    return HKDFExpand(hashes.SHA256(), length, info).derive(secret)


def extension(kind, body):
    return struct.pack(">HH", kind, len(body)) + body


def hello(host, large):
    name = host.encode()
    parts = extension(0, struct.pack(">HBH", len(name) + 3, 0, len(name)) + name)
    parts += extension(43, b"\2\3\4") + extension(16, b"\0\3\2h3")
    # Transport parameters: only the source connection id.
    parts += extension(57, b"\x0f" + bytes([len(SOURCE)]) + SOURCE)
    if large:
        parts = extension(51, struct.pack(">HHH", 1220, 0x11EC, 1216) + bytes(1216)) + parts
    body = b"\3\3" + bytes(range(32)) + b"\0" + b"\0\2\x13\1" + b"\1\0" + struct.pack(">H", len(parts)) + parts
    return b"\1" + len(body).to_bytes(3, "big") + body


def crypto(offset, data):
    return b"\6" + struct.pack(">HH", 0x4000 | offset, 0x4000 | len(data)) + data


def packet(version, number, frames):
    code, salt, label, first = VERSIONS[version]
    initial = hmac.new(bytes.fromhex(salt), DESTINATION, hashlib.sha256).digest()
    client = expand(initial, "client in", 32)
    key, iv, mask_key = (expand(client, f"{label} {what}", size) for what, size in (("key", 16), ("iv", 12), ("hp", 16)))
    head = bytes([first | 3]) + struct.pack(">I", code)
    head += bytes([len(DESTINATION)]) + DESTINATION + bytes([len(SOURCE)]) + SOURCE + b"\0"
    room = 1200 - len(head) - 2 - 4 - 16
    frames += bytes(room - len(frames))
    head += struct.pack(">H", 0x4000 | (4 + room + 16)) + struct.pack(">I", number)
    nonce = bytes(a ^ b for a, b in zip(iv, number.to_bytes(12, "big")))
    sealed = AESGCM(key).encrypt(nonce, frames, head)
    mask = Cipher(algorithms.AES(mask_key), modes.ECB()).encryptor().update(sealed[:16])
    head = bytearray(head)
    head[0] ^= mask[0] & 0x0F
    for at in range(4):
        head[-4 + at] ^= mask[1 + at]
    return bytes(head) + sealed


def array(name, data):
    lines = [", ".join(f"0x{byte:02x}" for byte in data[at : at + 16]) for at in range(0, len(data), 16)]
    return f"__attribute__((unused)) static const unsigned char {name}[] = {{\n\t" + ",\n\t".join(lines) + "};\n"


def main():
    whole = {version: hello(f"quic-{version}.example", False) for version in VERSIONS}
    large = hello("quic-split.example", True)
    print("/* Made by quic_initial.py: Initial packets of QUIC clients that say quic-v1.example, quic-v2.example and")
    print(" * quic-split.example; the last is too large for one packet, and its second half is sent first. */")
    print("#ifndef QUIC_INITIAL_H\n#define QUIC_INITIAL_H\n")
    print('#include "bypass.h"\n')
    for version, message in whole.items():
        print(array(f"quic_{version}", packet(version, 0, crypto(0, message))))
    print(array("quic_second_half", packet("v1", 0, crypto(800, large[800:]))))
    print(array("quic_first_half", packet("v1", 1, crypto(400, large[400:800]) + crypto(0, large[:400]))))
    print("""USED int quic_socket(void)
{
	struct sockaddr_in to = peer4(PEER_PORT);
	int fd = must(socket(AF_INET, SOCK_DGRAM, 0), "socket");
	must(connect(fd, (struct sockaddr *)&to, sizeof to), "connect");
	return fd;
}

USED void send_initial(const unsigned char *packet, size_t length)
{
	int fd = quic_socket();
	must(send(fd, packet, length, 0), "send");
	expect_answer(fd);
}

#endif""")


main()
