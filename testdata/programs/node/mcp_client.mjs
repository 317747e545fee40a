// MCP in Node: this client starts the server beside it with the same Node and calls its tool.

import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";

import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StdioClientTransport } from "@modelcontextprotocol/sdk/client/stdio.js";

const beside = (name) => fileURLToPath(new URL(name, import.meta.url));
const transport = new StdioClientTransport({
  command: process.execPath,
  args: ["--import", beside("truth.mjs"), beside("mcp_server.mjs")],
  env: { PROGRAM_TRUTH: process.env.PROGRAM_TRUTH },
});
const client = new Client({ name: "programs", version: "1.0.0" });
await client.connect(transport);
const result = await client.callTool({ name: "add", arguments: { one: 3, other: 4 } });
assert.equal(result.content[0].text, "7");
await client.close();
