"""Declared changes of a JSON body: one operation after the other, on paths that may name many places.

Theory: a path is followed to the containers that hold its last step; each operation is then one small act on such a
container. What is not there is left alone, except that `set` and `default` make the objects on their way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from typing import Any, TypeAlias

import msgspec

EVERY = "*"
"""A step that stands for every member or place."""

Json: TypeAlias = Any
Act: TypeAlias = Callable[[Json, str, Json], None]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One change."""

    op: str
    """A name of `ACTS`, or `rename` or `copy`."""
    path: tuple[str, ...]
    """At least one step."""
    value: Json = None
    to: tuple[str, ...] = ()
    """Where `rename` and `copy` put what they find; the first find counts."""


def operate(body: bytes, operations: Sequence[Operation]) -> bytes:
    """The body after these operations; as it is where it is no JSON object."""
    root = msgspec.json.decode(body)
    if not isinstance(root, dict):
        return body
    for operation in operations:
        _apply(root, operation)
    return msgspec.json.encode(root)


def path_of(text: str) -> tuple[str, ...]:
    """The steps of a path as it is written. Raises `ValueError` where one is empty."""
    steps = tuple(text.split("."))
    if not all(steps):
        raise ValueError(f"'{text}' has an empty step")
    return steps


def _apply(root: Json, operation: Operation) -> None:
    *way, last = operation.path
    makes = operation.op in ("set", "default")
    if operation.op in ("rename", "copy"):
        _move(root, operation)
        return
    act = ACTS[operation.op]
    for holder in list(_holders(root, way, makes=makes)):
        for step in _steps(holder, last):
            act(holder, step, deepcopy(operation.value))


def _move(root: Json, operation: Operation) -> None:
    """Puts what the path finds first where it is to go, and takes it away from there it was unless it is copied."""
    *way, last = operation.path
    for holder in _holders(root, way, makes=False):
        for step in _steps(holder, last):
            if (found := _get(holder, step)) is None:
                continue
            if operation.op == "rename":
                _delete(holder, step, None)
            _apply(root, Operation(op="set", path=operation.to, value=found[0]))
            return


def _holders(node: Json, way: Sequence[str], *, makes: bool) -> Iterator[Json]:
    """The containers at the end of the way; missing objects are made where the operation writes."""
    if not way:
        yield node
        return
    step, *rest = way
    if makes and isinstance(node, dict) and step != EVERY:
        node.setdefault(step, {})
    for one in _steps(node, step):
        found = _get(node, one)
        if found is not None:
            yield from _holders(found[0], rest, makes=makes)


def _steps(node: Json, step: str) -> list[str]:
    """The step itself, or all that `*` stands for; a list's from the end, so that places stay while some go."""
    if step != EVERY:
        return [step]
    if isinstance(node, dict):
        return list(node)
    return [str(place) for place in reversed(range(len(node)))] if isinstance(node, list) else []


def _place(node: Json, step: str) -> int | None:
    """The place in a list that a step names, if there is one."""
    if not isinstance(node, list) or not step.removeprefix("-").isdecimal():
        return None
    place = int(step)
    return place if -len(node) <= place < len(node) else None


def _get(node: Json, step: str) -> tuple[Json] | None:
    """What stands there, in a tuple of one; None if nothing does."""
    if isinstance(node, dict):
        return (node[step],) if step in node else None
    place = _place(node, step)
    return None if place is None else (node[place],)


def _set(node: Json, step: str, value: Json) -> None:
    place = _place(node, step)
    if isinstance(node, dict):
        node[step] = value
    elif place is not None:
        node[place] = value


def _default(node: Json, step: str, value: Json) -> None:
    if isinstance(node, dict):
        node.setdefault(step, value)


def _delete(node: Json, step: str, _: Json) -> None:
    place = _place(node, step)
    if isinstance(node, dict):
        node.pop(step, None)
    elif place is not None:
        del node[place]


def _append(node: Json, step: str, value: Json) -> None:
    found = _get(node, step)
    if found and isinstance(found[0], list):
        found[0].append(value)


def _prepend(node: Json, step: str, value: Json) -> None:
    found = _get(node, step)
    if found and isinstance(found[0], list):
        found[0].insert(0, value)


ACTS: dict[str, Act] = {
    "set": _set,
    "default": _default,
    "delete": _delete,
    "append": _append,
    "prepend": _prepend,
}
"""Operations on one container."""
