"""Calls by clients of other make, one for each word: httpx, httpx2, aiohttp, grpc.

A call that does not come about ends it with a traceback.
"""

import asyncio
import os
import ssl
import sys

URL = "https://api.openai.com/v1/hidden-path"
TRUSTED = os.environ["SSL_CERT_FILE"]


def httpx(http2=False):
    import httpx

    with httpx.Client(verify=ssl.create_default_context(cafile=TRUSTED), http2=http2) as client:
        client.post(URL, json={})


async def aiohttp():
    import aiohttp

    # c-ares: asks the name server itself, and not through libc.
    connector = aiohttp.TCPConnector(
        resolver=aiohttp.AsyncResolver(), ssl=ssl.create_default_context(cafile=TRUSTED)
    )
    async with aiohttp.ClientSession(connector=connector) as session, session.post(URL, json={}) as answer:
        await answer.read()


def grpc():
    import grpc

    with open(TRUSTED, "rb") as file:
        credentials = grpc.ssl_channel_credentials(file.read())
    with grpc.secure_channel("api.openai.com:443", credentials) as channel:
        try:
            channel.unary_unary("/hidden.Service/Path")(b"", timeout=10)
        except grpc.RpcError as error:
            # The server there does not speak HTTP/2; it was called all the same.
            print(error.code(), file=sys.stderr)


for word in sys.argv[1:]:
    match word:
        case "httpx":
            httpx()
        case "httpx2":
            httpx(http2=True)
        case "aiohttp":
            asyncio.run(aiohttp())
        case "grpc":
            grpc()
        case _:
            sys.exit(f"no such client: {word}")
