"""What would be right in the place of what is wrong: the nearest of the names that are known, or the words that fit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from typing import Any

import msgspec
from msgspec import inspect

STEP = re.compile(r"\.([^.\[\]`]+)|\[[^\]]*\]")
"""One step of the way that msgspec tells: a member, or an element of a list or of a table of free names."""
UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
"""msgspec's words for a member that there is not (0.22, tried 2026-11-20)."""
UNFIT = "Invalid enum value "
"""The beginning of its words for a word that is none of those that fit."""


def near(name: str, known: Iterable[str]) -> str:
    """Advice that names the nearest of the known names, or all of them."""
    choices = sorted(known)
    plain = {choice.lower(): choice for choice in choices}
    match get_close_matches(name.lower(), plain, n=1, cutoff=0.6):
        case [closest]:
            return f"Did you mean '{plain[closest]}'?"
        case _:
            return f"Known here: {', '.join(choices) or 'nothing'}."


def hint(refused: msgspec.ValidationError, shape: Any) -> str:
    """Advice for what is not of this shape: a sentence, or nothing where msgspec's own words say it all."""
    what, _, where = str(refused).rpartition(" - at ")
    what, where = (what, where) if what else (where, "")
    unknown = UNKNOWN.fullmatch(what)
    if unknown is None and not what.startswith(UNFIT):
        return ""
    kinds = [inspect.type_info(shape)]
    for step in STEP.finditer(where):
        kinds = [inner for kind in kinds for inner in _within(kind, step[1])]
    flat = [each for kind in kinds for each in _flat(kind, key=where.startswith("`key`"))]
    if unknown is not None:
        names = {field.encode_name for kind in flat if isinstance(kind, inspect.StructType) for field in kind.fields}
        return near(unknown[1][:100], names)
    words = {str(word) for kind in flat if isinstance(kind, inspect.LiteralType) for word in kind.values}
    return f"It may be: {', '.join(sorted(words))}." if words else ""


def _flat(kind: inspect.Type, *, key: bool = False) -> Iterator[inspect.Type]:
    """What a type may be; of a table of free names, what its names may be where they are meant."""
    if isinstance(kind, inspect.Metadata):
        yield from _flat(kind.type, key=key)
    elif isinstance(kind, inspect.UnionType):
        for each in kind.types:
            yield from _flat(each, key=key)
    elif key and isinstance(kind, inspect.DictType):
        yield from _flat(kind.key_type)
    else:
        yield kind


def _within(kind: inspect.Type, name: str | None) -> Iterator[inspect.Type]:
    """What stands in a type one step further: in the member of this name, or as an element."""
    for each in _flat(kind):
        match each:
            case inspect.StructType(fields=fields):
                yield from (field.type for field in fields if field.encode_name == name)
            case inspect.DictType(value_type=inner) | inspect.VarTupleType(item_type=inner) if name is None:
                yield inner
            case inspect.ListType(item_type=inner) if name is None:
                yield inner
            case _:
                pass
