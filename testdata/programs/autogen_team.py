"""AutoGen: one assistant in a team of one, for one turn."""

import asyncio
import sys

import truth

truth.follow(sys.argv[1])

import quiet  # noqa: E402, F401
from autogen_agentchat.agents import AssistantAgent  # noqa: E402
from autogen_agentchat.conditions import MaxMessageTermination  # noqa: E402
from autogen_agentchat.teams import RoundRobinGroupChat  # noqa: E402
from autogen_ext.models.openai import OpenAIChatCompletionClient  # noqa: E402


async def main():
    client = OpenAIChatCompletionClient(model="gpt-4o-mini", max_retries=0, timeout=60)
    assistant = AssistantAgent("assistant", model_client=client)
    team = RoundRobinGroupChat([assistant], termination_condition=MaxMessageTermination(2))
    result = await team.run(task="What is an AI-BOM?")
    await client.close()
    assert len(result.messages) == 2


asyncio.run(main())
