// An MCP server on stdio with one tool. It ends when its input does.

import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
import { StdioServerTransport } from "@modelcontextprotocol/sdk/server/stdio.js";
import { z } from "zod";

const server = new McpServer({ name: "sums", version: "1.0.0" });
server.registerTool("add", { inputSchema: { one: z.number(), other: z.number() } }, ({ one, other }) => ({
  content: [{ type: "text", text: String(one + other) }],
}));
process.stdin.on("end", () => process.exit(0));
await server.connect(new StdioServerTransport());
