"""The demo agent's MCP server, on stdio and in an environment of its own: one tool, `look_up`.

What it imports (PyYAML with its native module, jmespath) the agent never imports. Before it serves it leaves a
grandchild behind in a session of its own, the way a daemon starts, which reads one file and exits.
"""

import argparse
import json
import os
import sys
from pathlib import Path

sys.dont_write_bytecode = True

parser = argparse.ArgumentParser()
parser.add_argument("--state", required=True, type=Path)
STATE = parser.parse_args().state


def leave_a_grandchild(path):
    """Forks twice with setsid between, lets the orphan read `path`, and returns its pid once it is done."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        os.setsid()
        if os.fork() == 0:
            os.write(writer, f"{os.getpid()} {len(path.read_bytes())}".encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    # The end of the pipe is the end of the grandchild: nobody else holds it open.
    with os.fdopen(reader) as pipe:
        process, length = pipe.read().split()
    return {"process": int(process), "path": str(path), "bytes": int(length)}


# Before the imports: forking is safe as long as there is one thread.
GRANDCHILD = leave_a_grandchild(STATE / "notes.txt")

import jmespath  # noqa: E402
import yaml  # noqa: E402
from mcp.server.mcpserver import MCPServer  # noqa: E402

server = MCPServer("catalogue", log_level="ERROR")


@server.tool(structured_output=False)
def look_up(query: str) -> str:
    """Search the catalogue with a JMESPath expression."""
    from ground_truth import imported_packages

    catalogue = yaml.load((STATE / "catalogue.yaml").read_text(), Loader=yaml.CSafeLoader)
    reply = {"found": jmespath.search(query, catalogue), "process": os.getpid(), "grandchild": GRANDCHILD}
    return json.dumps(reply | {"packages": imported_packages()})


server.run()
