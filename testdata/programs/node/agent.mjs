// OpenAI Agents SDK for Node: an agent with a tool answers one question. Its traces go to the same host.

import assert from "node:assert/strict";

import { Agent, run, tool } from "@openai/agents";
import { z } from "zod";

// No key that is worth anything; it is read when the model is first asked.
process.env.OPENAI_API_KEY = "not-a-key";
const weather = tool({
  name: "weather",
  description: "The weather in a city.",
  parameters: z.object({ city: z.string() }),
  execute: async ({ city }) => `dry in ${city}`,
});
const agent = new Agent({ name: "weather", model: "gpt-4o-mini", instructions: "Be brief.", tools: [weather] });
const result = await run(agent, "Will it rain?");
assert.ok(result.finalOutput);
