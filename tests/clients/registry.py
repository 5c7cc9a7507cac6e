"""A server of many tools on standard input and output, as `claude --mcp-config` starts it.

Their names are longer than most vendors take, and their parameters have names and schemas that few take as they are;
the last tools have such a name in the first row, which Claude Code 2.1.328 passes over. A call answers with the
arguments it came with. Source: modelcontextprotocol.io, specification 2025-06-18, stdio and tools; read 2026-11-20.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

Json = dict[str, Any]

NAME = "registry"
TOOLS = 40
STRANGER = 3
"""Tools behind them whose own parameters have names that Anthropic refuses."""
SCHEMA: Json = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "properties": {
        "query": {
            "type": "object",
            "properties": {"$filter": {"type": "string", "description": "What."}, "@top": {"enum": [1, 10, 100]}},
            "required": ["$filter"],
        },
        "format": {"type": "string", "format": "uri", "default": "x:y"},
        "tree": {"$ref": "#/definitions/node"},
        "either": {"anyOf": [{"type": "string", "minLength": 1}, {"type": "array", "items": {"type": "integer"}}]},
        "maybe": {"type": ["number", "null"], "exclusiveMinimum": 0},
    },
    "required": ["query"],
    "additionalProperties": False,
    "definitions": {"node": {"type": "object", "properties": {"child": {"$ref": "#/definitions/node"}}}},
}


def tool_name(number: int) -> str:
    """A tool's name as the server tells it."""
    return f"find_{number:02}_in_the_register_of_everything_that_was_ever_written_down"


def tool(number: int) -> Json:
    """A tool as the server describes it."""
    more = {"$select": {"type": "string"}} if number >= TOOLS else {}
    schema = {**SCHEMA, "properties": SCHEMA["properties"] | more}
    return {"name": tool_name(number), "description": "Finds one record.", "inputSchema": schema}


def configuration(folder: Path) -> Path:
    """The file that tells a client how to start the server."""
    file = folder / "mcp.json"
    server = {"type": "stdio", "command": sys.executable, "args": [__file__]}
    file.write_text(json.dumps({"mcpServers": {NAME: server}}))
    return file


def found(arguments: Json) -> str:
    """What a tool says."""
    return f"Found by {json.dumps(arguments, sort_keys=True, ensure_ascii=False)}."


def answer(method: str, given: Json) -> Json:
    """The result of a request."""
    match method:
        case "initialize":
            known = {"protocolVersion": given.get("protocolVersion", "2025-06-18"), "capabilities": {"tools": {}}}
            return {**known, "serverInfo": {"name": NAME, "version": "1"}}
        case "tools/list":
            return {"tools": [tool(number) for number in range(TOOLS + STRANGER)]}
        case "tools/call":
            return {"content": [{"type": "text", "text": found(given.get("arguments", {}))}]}
        case _:
            return {}


def main() -> None:
    """Answers line by line until the input ends; notifications have no id and get no answer."""
    for line in sys.stdin:
        asked = json.loads(line)
        if "id" in asked:
            result = answer(asked["method"], asked.get("params") or {})
            print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": result}), flush=True)


if __name__ == "__main__":
    main()
