"""Functions described in fewer words, for a vendor that takes only so many.

Theory: the vendor answers 413 "Tokens limit exceeded for index 0: 4451 (max 4096)" where many functions, or long ones,
are declared. What is cut are descriptions alone, for names and schemas are what a call is made of: first those of the
functions, each to the same length, short ones whole; where that is not enough, those within the schemas as well. The
same functions are always cut alike, so that prompt caches hold.
Source: users' reports of giga_agent (issue 106), read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec
from msgspec import Raw

from dragoman.dialects.gigachat.pen import Pen
from dragoman.dialects.gigachat.wire import Message

TOOL_BUDGET = 3000
"""Tokens that functions may take once the vendor has refused them as too long; a quarter below what it names."""
CHARACTERS_OF_TOKEN = 3
"""Fewer than the usual four, for a budget is better kept than filled."""
LEAST = 120
"""Characters that are left of a description, whatever the budget."""
LEAST_WITHIN = 60
"""The same within a schema."""


def shortened(functions: list[Message], pen: Pen) -> list[Message]:
    """The functions within the upstream's budget, as far as cutting descriptions can bring them there."""
    room = (pen.habits.tool_budget or 0) * CHARACTERS_OF_TOKEN
    if not room or _size(functions) <= room:
        return functions
    bare = _size([{**function, "description": ""} for function in functions])
    if bare + LEAST * len(functions) > room:
        pen.lose(
            "tool.schema.description", "The upstream takes only so many words on tools; those in schemas were cut."
        )
        functions = [_with_terse_schema(function) for function in functions]
        bare = _size([{**function, "description": ""} for function in functions])
    texts = [str(function.get("description", "")) for function in functions]
    most = max(_cap([len(text) for text in texts], room - bare), LEAST)
    if any(len(text) > most for text in texts):
        pen.lose("tool.description", "The upstream takes only so many words on tools; long descriptions were cut.")
    return [
        {**function, "description": cut(text, most)} if len(text) > most else function
        for function, text in zip(functions, texts, strict=True)
    ]


def _size(functions: Sequence[Message]) -> int:
    """Characters of the functions as they are sent."""
    return len(msgspec.json.encode(functions).decode())


def _cap(lengths: list[int], room: int) -> int:
    """The length to which texts must be cut so that all fit, short ones whole."""
    left = len(lengths)
    for length in sorted(lengths):
        if length * left > room:
            return room // left
        room -= length
        left -= 1
    return max(lengths, default=0)


def cut(text: str, most: int) -> str:
    """The beginning of a text, to the end of a sentence or line where one ends not too early."""
    beginning = text[: most - 1]
    end = max(beginning.rfind(". "), beginning.rfind("\n"))
    return (beginning[: end + 1].rstrip() if end > most // 2 else beginning) + "…"


def _with_terse_schema(function: Message) -> Message:
    parameters = function.get("parameters")
    if not isinstance(parameters, Raw):
        return function
    return {**function, "parameters": _terse(msgspec.json.decode(parameters))}


def _terse(schema: object) -> object:
    """A schema with its descriptions cut; a property that is named `description` is no description."""
    if not isinstance(schema, dict):
        return schema
    return {word: _WITHIN.get(word, _same)(value) for word, value in schema.items()}


def _same(value: object) -> object:
    return value


def _text(value: object) -> object:
    return cut(value, LEAST_WITHIN) if isinstance(value, str) and len(value) > LEAST_WITHIN else value


def _each(value: object) -> object:
    return [_terse(inner) for inner in value] if isinstance(value, list) else _terse(value)


def _named(value: object) -> object:
    return {name: _terse(inner) for name, inner in value.items()} if isinstance(value, dict) else value


_WITHIN: dict[str, Callable[[object], object]] = {
    "description": _text,
    **dict.fromkeys(("items", "prefixItems", "anyOf", "oneOf", "allOf", "not", "additionalProperties"), _each),
    **dict.fromkeys(("properties", "patternProperties", "$defs", "definitions"), _named),
}
"""What is done to the value of each word of a schema; all others stay."""
