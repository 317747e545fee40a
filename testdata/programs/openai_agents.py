"""OpenAI Agents SDK: an agent with a tool answers one question. Its traces go to the same host."""

import sys

import truth

truth.follow(sys.argv[1])

import quiet  # noqa: E402, F401
from agents import Agent, Runner, function_tool  # noqa: E402


@function_tool
def weather(city: str) -> str:
    """The weather in a city."""
    return f"dry in {city}"


agent = Agent(name="weather", model="gpt-4o-mini", instructions="Be brief.", tools=[weather])
result = Runner.run_sync(agent, "Will it rain?")
assert result.final_output
