"""Both ends of a QUIC connection, with aioquic.

    quic.py serve                 says "ready" on stdout, and serves until it is killed
    quic.py call VERSION HOST     one handshake with the server, for a host of that name
"""

import asyncio
import datetime
import ssl
import sys

from aioquic.asyncio import connect, serve
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.packet import QuicProtocolVersion
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec

ADDRESS = ("127.0.10.6", 4433)
VERSIONS = {"1": QuicProtocolVersion.VERSION_1, "2": QuicProtocolVersion.VERSION_2}


def certificate():
    """A key and a certificate that nobody checks."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "quic")])
    start = datetime.datetime(2020, 1, 1)
    builder = x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
    builder = builder.not_valid_before(start).not_valid_after(start + datetime.timedelta(days=36500))
    return builder.sign(key, hashes.SHA256()), key


async def server():
    configuration = QuicConfiguration(
        is_client=False, alpn_protocols=["h3"], supported_versions=list(VERSIONS.values())
    )
    configuration.certificate, configuration.private_key = certificate()
    await serve(*ADDRESS, configuration=configuration)
    print("ready", flush=True)
    await asyncio.Event().wait()


async def call(version, host):
    configuration = QuicConfiguration(
        alpn_protocols=["h3"],
        original_version=VERSIONS[version],
        supported_versions=[VERSIONS[version]],
        server_name=host,
        verify_mode=ssl.CERT_NONE,
    )
    async with connect(*ADDRESS, configuration=configuration) as client:
        await asyncio.wait_for(client.ping(), 10)


match sys.argv[1:]:
    case ["serve"]:
        asyncio.run(server())
    case ["call", version, host]:
        asyncio.run(call(version, host))
    case _:
        sys.exit(__doc__)
