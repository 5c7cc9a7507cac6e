"""Places in a JSON value, named by paths of members and numbers; `*` stands for every place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

EVERY = "*"
"""A step that stands for every member or place."""

MOST_STEPS = 64
LONGEST_PLACE = 18
"""Characters of a number that can be a place; Python reads no endless ones."""

Json: TypeAlias = Any


def path_of(text: str) -> tuple[str, ...]:
    """The steps of a path as it is written. Raises `ValueError` where one is empty, or there are too many."""
    steps = tuple(text.split("."))
    if not all(steps):
        raise ValueError(f"'{text[:80]}' has an empty step")
    if len(steps) > MOST_STEPS:
        raise ValueError(f"'{text[:80]}' has more than {MOST_STEPS} steps")
    return steps


def values_at(node: Json, path: Sequence[str]) -> Iterator[Json]:
    """What stands at a path; several where it has a `*`, nothing where nothing does."""
    if not path:
        yield node
        return
    for holder in holders(node, path[:-1]):
        for step in steps_of(holder, path[-1]):
            if (found := got(holder, step)) is not None:
                yield found[0]


def holders(node: Json, way: Sequence[str], *, makes: bool = False) -> Iterator[Json]:
    """The containers at the end of the way; missing objects are made on it if wished."""
    if not way:
        yield node
        return
    step, *rest = way
    if makes and isinstance(node, dict) and step != EVERY:
        node.setdefault(step, {})
    for one in steps_of(node, step):
        found = got(node, one)
        if found is not None:
            yield from holders(found[0], rest, makes=makes)


def steps_of(node: Json, step: str) -> list[str]:
    """The step itself, or all that `*` stands for; a list's from the end, so that places stay while some go."""
    if step != EVERY:
        return [step]
    if isinstance(node, dict):
        return list(node)
    return [str(place) for place in reversed(range(len(node)))] if isinstance(node, list) else []


def place_of(node: Json, step: str) -> int | None:
    """The place in a list that a step names, if there is one."""
    if not isinstance(node, list) or len(step) > LONGEST_PLACE or not step.removeprefix("-").isdecimal():
        return None
    place = int(step)
    return place if -len(node) <= place < len(node) else None


def got(node: Json, step: str) -> tuple[Json] | None:
    """What stands there, in a tuple of one; None if nothing does."""
    if isinstance(node, dict):
        return (node[step],) if step in node else None
    place = place_of(node, step)
    return None if place is None else (node[place],)


def same(one: Json, other: Json) -> bool:
    """Whether two values are equal as JSON: `1` is `1.0` but is not `true`."""
    if isinstance(one, int | float) and isinstance(other, int | float):
        return isinstance(one, bool) == isinstance(other, bool) and one == other
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(value, other[name]) for name, value in one.items())
    return type(one) is type(other) and bool(one == other)


def as_text(value: Json) -> str:
    """A string as it is, all else as compact JSON."""
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()
