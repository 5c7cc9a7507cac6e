"""Tools that OpenAI's models know by type and that clients run: for any other model they are ordinary functions.

Theory. Each has items of its own for calls and results. Between them and a function there is an exact way, both
ways: what a call's item holds under one member are the arguments, and the tool's type is the function's name. So an
agent that offers such a tool is served by any model, and gets its calls in the form it knows.

Source: SDK types 3.51 (`response_input_item_param`, `tool_param`), read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.request import AnyTool, Extras, Part, Text, Tool, ToolReference
from dragoman.dialects.openai_responses.wire import NAME
from dragoman.dialects.take import first_byte

_OBJECT = msgspec.json.Decoder(dict[str, Raw])
_TEXT = {"type": "string"}


class BuiltIn(Struct, frozen=True):
    """One such tool."""

    name: str
    """Its type, and its name as a function."""
    prefix: str
    """How the ids of its calls' items begin."""
    member: str
    """Member of a call's item that holds the arguments."""
    description: str
    schema: Raw
    fixed: Mapping[str, object] = {}
    """Members that the arguments must have, with what they are where the model said nothing of them."""

    @property
    def call(self) -> str:
        """Type of its calls' items."""
        return f"{self.name}_call"

    @property
    def result(self) -> str:
        """Type of its results' items."""
        return f"{self.name}_call_output" if self.name != "tool_search" else "tool_search_output"


def _schema(properties: Mapping[str, object], *required: str) -> Raw:
    return Raw(msgspec.json.encode({"type": "object", "properties": properties, "required": list(required)}))


TOOL_SEARCH = BuiltIn(
    "tool_search",
    "tsc",
    "arguments",
    "Searches for tools that can be used from then on.",
    _schema({"query": {**_TEXT, "description": "What the tools should be able to do."}}, "query"),
)
LOCAL_SHELL = BuiltIn(
    "local_shell",
    "lsh",
    "action",
    "Runs a command on the user's machine.",
    _schema(
        {
            "command": {"type": "array", "items": _TEXT, "description": "The program and its arguments."},
            "env": {"type": "object", "additionalProperties": _TEXT, "description": "Environment variables to set."},
            "timeout_ms": {"type": "integer"},
            "user": _TEXT,
            "working_directory": _TEXT,
        },
        "command",
    ),
    {"type": "exec", "env": {}},
)
SHELL = BuiltIn(
    "shell",
    "sh",
    "action",
    "Runs commands in a shell on the user's machine.",
    _schema(
        {
            "commands": {"type": "array", "items": _TEXT, "description": "Commands to run, each on its own."},
            "timeout_ms": {"type": "integer"},
            "max_output_length": {"type": "integer", "description": "Most characters of output to be shown."},
        },
        "commands",
    ),
)
APPLY_PATCH = BuiltIn(
    "apply_patch",
    "apc",
    "operation",
    "Creates, updates or deletes one file.",
    _schema(
        {
            "type": {"type": "string", "enum": ["create_file", "update_file", "delete_file"]},
            "path": {**_TEXT, "description": "Path of the file, relative to the workspace."},
            "diff": {**_TEXT, "description": "Changes as a diff in V4A format. Not for `delete_file`."},
        },
        "type",
        "path",
    ),
)
_ALL = (TOOL_SEARCH, LOCAL_SHELL, SHELL, APPLY_PATCH)
BY_TYPE: Mapping[str, BuiltIn] = {each.name: each for each in _ALL}
BY_CALL: Mapping[str, BuiltIn] = {each.call: each for each in _ALL}
BY_RESULT: Mapping[str, BuiltIn] = {each.result: each for each in _ALL}


def of_tool(tool: AnyTool) -> BuiltIn | None:
    """The built-in that a tool is; None for all others."""
    extras = tool.extras if isinstance(tool, Tool) else None
    kind = extras.members.get("type") if extras and extras.dialect == NAME else None
    return None if kind is None else BY_TYPE.get(msgspec.json.decode(kind, type=str))


def of_extras(extras: Extras | None, table: Mapping[str, BuiltIn]) -> BuiltIn | None:
    """The built-in whose item a part was, as its extras tell; None for all others."""
    kind = extras.members.get("type") if extras and extras.dialect == NAME else None
    return None if kind is None else table.get(msgspec.json.decode(kind, type=str))


def action(builtin: BuiltIn, arguments: str) -> Raw | None:
    """The arguments of a call as the built-in's own item has them; None if they are not a JSON object."""
    try:
        members = _OBJECT.decode(arguments or "{}")
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return None
    if builtin.fixed.keys() <= members.keys():
        return Raw((arguments or "{}").encode())
    return Raw(msgspec.json.encode({**builtin.fixed, **members}))


class _Run(Struct):
    """What one command of a shell gave."""

    stdout: str = ""
    stderr: str = ""
    outcome: dict[str, object] = {}


_RUNS = msgspec.json.Decoder(list[_Run])


def told(output: Raw | None) -> tuple[Part, ...]:
    """What a result says, for a model that sees it as the result of a function."""
    if output is None:
        return ()
    if first_byte(output) == b'"':
        return (Text(msgspec.json.decode(output, type=str)),)
    try:
        runs = _RUNS.decode(output)
    except (msgspec.DecodeError, RecursionError):
        return (Text(bytes(output).decode("utf-8", "replace")),)
    return tuple(Text(_ran(run)) for run in runs)


def _ran(run: _Run) -> str:
    how = f"[{run.outcome.get('type', 'exit')} {run.outcome.get('exit_code', '')}".rstrip() + "]"
    return "\n".join(text for text in (run.stdout, run.stderr, how) if text)


def found(names: list[str]) -> tuple[Part, ...]:
    """What a search for tools found."""
    return tuple(ToolReference(name) for name in names)
