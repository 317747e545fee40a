"""pydantic-ai: two agents, one on OpenAI and one on a gateway that speaks its protocol."""

import sys

import truth

truth.follow(sys.argv[1])

import quiet  # noqa: E402, F401
from pydantic_ai import Agent  # noqa: E402

for model in ("openai-chat:gpt-4o-mini", "openrouter:openai/gpt-4o-mini"):
    agent = Agent(model, instructions="Be brief.")

    @agent.tool_plain
    def weather(city: str) -> str:
        """The weather in a city."""
        return f"dry in {city}"

    assert agent.run_sync("Will it rain?").output
