"""An MCP server on stdio with one tool."""

import sys

import truth

truth.follow(sys.argv[1])

from mcp.server.mcpserver import MCPServer  # noqa: E402

server = MCPServer("sums", log_level="ERROR")


@server.tool(structured_output=False)
def add(one: int, other: int) -> str:
    """Adds two numbers."""
    return str(one + other)


server.run()
