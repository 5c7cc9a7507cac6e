"""Tools that take free text, for upstreams that know arguments in JSON only: the text goes into one member, `input`.

The text a tool takes may have a grammar, which a vendor who knows it holds its model to. Any other model is told of
it in the tool's description, or it would not know what to write.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.request import Tool

TEXT_SCHEMA = Raw(b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}')
"""Schema of a tool of free text."""


class _FreeText(Struct):
    input: str


_FREE_TEXT = msgspec.json.Decoder(_FreeText)


def free_text(arguments: str) -> str:
    """The text in the arguments of a call to a tool of free text; the arguments themselves where it is not there."""
    try:
        return _FREE_TEXT.decode(arguments).input
    except (msgspec.DecodeError, RecursionError, UnicodeEncodeError):
        return arguments


def wrapped_text(text: str) -> str:
    """The arguments of a call that gives this text."""
    return msgspec.json.encode({"input": text}).decode()


def described(tool: Tool) -> str | None:
    """The description of a tool, with the grammar of its text; None where it has neither."""
    grammar = tool.grammar
    if grammar is None:
        return tool.description
    told = (
        f"The text in 'input' must match this grammar ({grammar.syntax}); give it as it is, with no JSON or fence "
        f"around it:\n{grammar.definition}"
    )
    return f"{tool.description}\n\n{told}" if tool.description else told
