"""Anthropic SDK: one message, and the number of its tokens, over one connection."""

import sys

import truth

truth.follow(sys.argv[1])

import quiet  # noqa: E402, F401
from anthropic import Anthropic  # noqa: E402

client = Anthropic(max_retries=0, timeout=60)
question = [{"role": "user", "content": "What is an AI-BOM?"}]
count = client.messages.count_tokens(model="claude-sonnet-5", messages=question)
message = client.messages.create(model="claude-sonnet-5", max_tokens=64, messages=question)
client.close()
assert count.input_tokens == 1 and message.content[0].text
