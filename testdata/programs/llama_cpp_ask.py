"""Asks a llama.cpp server one thing."""

import json
import sys
import urllib.request

import truth

truth.follow(sys.argv[1])

body = json.dumps({"prompt": "nothing is", "max_tokens": 4, "temperature": 0}).encode()
request = urllib.request.Request(f"{sys.argv[2]}/v1/completions", body, {"Content-Type": "application/json"})
with urllib.request.urlopen(request, timeout=60) as answer:
    assert json.load(answer)["choices"]
