"""smolagents: an agent that answers in code. The answer it gets is none, so its one step fails and it sums up."""

import sys

import truth

truth.follow(sys.argv[1])

import quiet  # noqa: E402, F401
from smolagents import CodeAgent, LogLevel, OpenAIModel  # noqa: E402

model = OpenAIModel(model_id="gpt-4o-mini", client_kwargs={"max_retries": 0, "timeout": 60})
agent = CodeAgent(tools=[], model=model, max_steps=1, verbosity_level=LogLevel.OFF)
assert agent.run("How much is three plus four?")
