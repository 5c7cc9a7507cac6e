"""Which tool result answers which call, however the history was torn.

Theory: a result belongs to the latest call of its id that came before it, wherever it stands. Servers of most wires
refuse a history in which the results of a call do not follow it at once, so results are moved up to their calls.
"""

from __future__ import annotations

from typing import NamedTuple

from dragoman.canon.request import ToolCall, ToolResult, Turn


class Slot:
    """One call with the results that answer it. Mutable while the history is searched."""

    __slots__ = ("call", "results")

    def __init__(self, call: ToolCall) -> None:
        self.call = call
        self.results: list[ToolResult] = []


class Pairs(NamedTuple):
    """A history's calls and results, matched."""

    slots: dict[int, list[Slot]]
    """The calls of each assistant turn, by the turn's position."""
    placed: frozenset[int]
    """Identities (`id()`) of the results that answer a call; all others are orphans."""


def pair(turns: tuple[Turn, ...]) -> Pairs:
    """Matches results to calls. Of several calls with one id in one turn, each takes one result, in order."""
    slots: dict[int, list[Slot]] = {}
    latest: dict[str, list[Slot]] = {}
    placed: set[int] = set()
    for position, turn in enumerate(turns):
        if turn.role == "assistant":
            made = [Slot(part) for part in turn.parts if type(part) is ToolCall]
            if made:
                slots[position] = made
                latest |= _by_id(made)
            continue
        for part in turn.parts:
            if type(part) is ToolResult and part.call_id in latest:
                asking = latest[part.call_id]
                slot = asking[0]
                if slot.results:
                    slot = next((each for each in asking if not each.results), asking[-1])
                slot.results.append(part)
                placed.add(id(part))
    return Pairs(slots, frozenset(placed))


def _by_id(made: list[Slot]) -> dict[str, list[Slot]]:
    by_id: dict[str, list[Slot]] = {}
    for slot in made:
        by_id.setdefault(slot.call.id, []).append(slot)
    return by_id
