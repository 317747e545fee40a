"""Sends canary secrets everywhere an agent keeps real ones. Works only inside the closed world.

usage: agent.py --sent FILE --api-key KEY --model KEY

Everything that was sent, as the servers got it or as the client says it, goes to FILE: the control in which a
search must find every canary.
"""

import argparse
import http.client
import json
import os
import socketserver
import threading

import openai

parser = argparse.ArgumentParser()
parser.add_argument("--sent", required=True)
parser.add_argument("--api-key", required=True)
parser.add_argument("--model", required=True)
arguments = parser.parse_args()
canaries = json.loads(os.environ["AIBOM_CANARIES"])
sent = []


def note(request):
    sent.append(f"{request.url} {dict(request.headers)} {request.content.decode()}")


# TLS, with the SDK: header, query, body.
client = openai.OpenAI(
    api_key=arguments.api_key,
    base_url="https://api.openai.com/v1",
    default_headers={"X-Team-Token": canaries["header"]},
    default_query={"token": canaries["query"]},
    max_retries=0,
    http_client=openai.DefaultHttpxClient(event_hooks={"request": [lambda request: (request.read(), note(request))]}),
)
answer = client.chat.completions.create(
    model="canned", messages=[{"role": "user", "content": canaries["body"]}]
)
assert answer.choices, answer

# Plain HTTP, on the ports where it is usual.


class Server(socketserver.TCPServer):
    allow_reuse_address = True


class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        lines, length = [], 0
        while (line := self.rfile.readline().decode()).strip():
            lines.append(line)
            if line.lower().startswith("content-length:"):
                length = int(line.split(":")[1])
        sent.append("".join(lines) + self.rfile.read(length).decode())
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")


for port in (80, 8080):
    with Server(("127.0.0.1", port), Handler) as server:
        threading.Thread(target=server.handle_request, daemon=True).start()
        connection = http.client.HTTPConnection("127.0.0.1", port)
        headers = {"Authorization": f"Bearer {canaries['plain_header']}", "Cookie": canaries["plain_cookie"]}
        connection.request("POST", f"/v1/{canaries['plain_path']}?key={canaries['plain_query']}", canaries["plain_body"], headers)
        assert connection.getresponse().read() == b"ok"
        connection.close()

sent.append(os.environ["SERVICE_PASSWORD"])
sent.append(os.environ["OPENAI_API_KEY"])
sent.append(arguments.model)
sent.append(os.environ["OPENAI_MODEL"])
sent.append(os.environ["ANTHROPIC_BASE_URL"])
with open(arguments.sent, "w", encoding="utf-8") as file:
    file.write("\n".join(sent))
