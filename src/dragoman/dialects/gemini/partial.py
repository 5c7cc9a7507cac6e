"""Arguments of a call that come piece by piece, each with the place where it belongs.

Vertex AI streams arguments so where a client asks for it. Source: SDK 3.3, `FunctionCall.partial_args`, `PartialArg`,
read 2026-11-20.
"""

from __future__ import annotations

import re
from itertools import pairwise
from typing import Any

_STEP = re.compile(r"""\.([^.\[\]]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\]""")
ITEMS = 10_000
"""Elements that a list may have; a place beyond is no place."""


def steps(path: str) -> list[str | int]:
    """The steps of a JSON path such as `$.files[0].name`."""
    return [
        int(found[2]) if found[2] else next(name for name in (found[1], found[3], found[4], "") if name is not None)
        for found in _STEP.finditer(path.removeprefix("$"))
    ]


class PartialArguments:
    """Arguments as far as they have come. Mutable: it puts each piece in its place."""

    def __init__(self) -> None:
        self.value: dict[str, Any] = {}

    def take(self, pieces: list[Any]) -> None:
        """Adds pieces; texts of one place follow one another."""
        for piece in pieces:
            if isinstance(piece, dict):
                self._put(steps(str(piece.get("jsonPath", piece.get("json_path", "")))), _value(piece))

    def _put(self, path: list[str | int], value: object) -> None:
        if not path or any(isinstance(step, int) and step >= ITEMS for step in path):
            return
        holder: Any = self.value
        for step, following in pairwise(path):
            held = _get(holder, step)
            if not isinstance(held, dict | list):
                held = [] if isinstance(following, int) else {}
                _set(holder, step, held)
            holder = held
        before = _get(holder, path[-1])
        joined = before + value if isinstance(before, str) and isinstance(value, str) else value
        _set(holder, path[-1], joined)


def _value(piece: dict[str, Any]) -> object:
    for name in ("stringValue", "numberValue", "boolValue", "string_value", "number_value", "bool_value"):
        if name in piece:
            return piece[name]
    return None


def _get(holder: Any, step: str | int) -> object:
    if isinstance(holder, list):
        return holder[step] if isinstance(step, int) and step < len(holder) else None
    return holder.get(str(step))


def _set(holder: Any, step: str | int, value: object) -> None:
    if not isinstance(holder, list):
        holder[str(step)] = value
    elif isinstance(step, int):
        holder.extend([None] * (step + 1 - len(holder)))
        holder[step] = value
