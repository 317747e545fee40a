"""MCP in Python: this client starts the server beside it with the same interpreter and calls its tool."""

import sys
from pathlib import Path

import truth

truth.follow(sys.argv[1])

import quiet  # noqa: E402, F401
import anyio  # noqa: E402
import mcp  # noqa: E402

script = Path(__file__).resolve().parent / "mcp_python_server.py"
server = mcp.StdioServerParameters(command=sys.executable, args=[str(script), sys.argv[1]])


async def talk():
    async with mcp.Client(server, read_timeout_seconds=60) as client:
        return await client.call_tool("add", {"one": 3, "other": 4})


result = anyio.run(talk)
assert result.content[0].text == "7", result
