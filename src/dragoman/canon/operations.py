"""Declared changes of a JSON body and of headers: one operation after the other, each only when its condition holds.

Theory: a path is followed to the containers that hold its last step; each operation is then one small act on such a
container. What is not there is left alone, except that `set` and `default` make the objects on their way. An operation
whose value cannot be filled (`canon.templates`), or has no room in the end, is not done.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from copy import deepcopy
from typing import TypeAlias

import msgspec

from dragoman.canon.mend import whole_characters
from dragoman.canon.paths import Json, as_text, got, holders, place_of, same, steps_of, values_at
from dragoman.canon.templates import MOST, Occasion, Room, Template, filled, filled_text, looks_at_body
from dragoman.canon.wildcards import fits

HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
"""What a header can carry (RFC 9110 section 5.5, read 2026-11-20)."""
LONGEST_HEADER = 8192
"""Characters of a filled one; what is longer is refused by most servers, with all the request."""

SEARCHED = 2048
"""Characters of a text in which an expression is looked for: clients choose them, and some take long."""


class Condition(msgspec.Struct, frozen=True, kw_only=True):
    """What must be true of a request; what is not set is not asked. Names of models may hold `*`."""

    model: str = ""
    asked: str = ""
    doors: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    """Of the body; with a `*`, one of the places is enough."""
    present: bool = True
    """Whether something must stand there, or nothing."""
    equals: Json = None
    matches: re.Pattern[str] | None = None
    """To be found somewhere in what stands there."""
    reach: int = SEARCHED
    """In so many of its first characters."""


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """Which elements of a list are meant: those in which this stands."""

    path: tuple[str, ...] = ()
    """Empty: the element itself."""
    equals: Json = None


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One change of a body."""

    op: str
    """A name of `ACTS`, or `rename` or `copy`."""
    path: tuple[str, ...]
    """At least one step."""
    value: Json = None
    """As `templates.compiled` gives it."""
    to: tuple[str, ...] = ()
    """Where `rename` and `copy` put what they find; the first find counts."""
    index: int | None = None
    """Place of `insert` and `remove`."""
    match: Match | None = None
    """Elements that `remove` takes out."""
    before: Match | None = None
    after: Match | None = None
    """The element that `insert` looks for instead of a place."""
    spread: bool = False
    """Whether the elements of the value are put into a list, and not the value itself."""
    when: Condition | None = None


class HeaderOperation(msgspec.Struct, frozen=True, kw_only=True):
    """One change of headers; names in lower case."""

    op: str
    name: str
    value: str | Template = ""
    to: str = ""
    when: Condition | None = None


class Operated(msgspec.Struct, frozen=True):
    """A body after its operations."""

    body: bytes
    occasion: Occasion
    """With the body as it has become."""
    done: tuple[Operation, ...] = ()
    mended: bool = False
    """Whether halves of characters in it were replaced, without which it cannot be changed."""


NOWHERE = Occasion()


def operate(body: bytes, operations: Sequence[Operation], occasion: Occasion = NOWHERE, most: int = MOST) -> Operated:
    """The body after these operations, which put in so many bytes at most; as it is where it is no JSON object. Raises
    `msgspec.DecodeError` and `RecursionError` for what cannot be looked into."""
    mended = False
    try:
        root = msgspec.json.decode(body)
    except msgspec.DecodeError:
        root = msgspec.json.decode(whole_characters(body))
        mended = True
    occasion = msgspec.structs.replace(occasion, body=root)
    if not isinstance(root, dict) or not operations:
        return Operated(body, occasion)
    room = Room(most)
    done = tuple(operation for operation in operations if _apply(root, operation, occasion, room))
    return Operated(msgspec.json.encode(root), occasion, done, mended) if done else Operated(body, occasion)


def operate_headers(
    headers: dict[str, str], operations: Iterable[HeaderOperation], occasion: Occasion
) -> tuple[HeaderOperation, ...]:
    """Changes the headers, and tells what was done; a value that no header can carry changes nothing."""
    return tuple(operation for operation in operations if _apply_header(headers, operation, occasion))


def needs_body(operation: HeaderOperation) -> bool:
    """Whether the body must be looked at for a change of headers."""
    return looks_at_body(operation.value) or bool(operation.when and operation.when.path)


def is_fixed(operation: HeaderOperation) -> bool:
    """Whether a change of headers is the same for every request."""
    return operation.when is None and not isinstance(operation.value, Template)


def holds(condition: Condition, occasion: Occasion) -> bool:
    """Whether a condition holds."""
    return (
        (not condition.model or fits(occasion.model, condition.model))
        and (not condition.asked or fits(occasion.asked, condition.asked))
        and (not condition.doors or occasion.door in condition.doors)
        and (not condition.path or _stands(condition, occasion.body))
    )


def _stands(condition: Condition, body: Json) -> bool:
    found = list(values_at(body, condition.path))
    if condition.equals is not None:
        found = [value for value in found if same(value, condition.equals)]
    if condition.matches is not None:
        found = [value for value in found if condition.matches.search(as_text(value)[: condition.reach])]
    return bool(found) == condition.present


def _apply(root: Json, operation: Operation, occasion: Occasion, room: Room) -> bool:
    """Does one operation; False where its condition does not hold, or its value cannot be filled or has no room."""
    if operation.when is not None and not holds(operation.when, occasion):
        return False
    try:
        if operation.op in ("rename", "copy"):
            _move(root, operation, room)
        else:
            _put(root, operation, occasion, room)
    except LookupError:
        return False
    return True


def _apply_header(headers: dict[str, str], operation: HeaderOperation, occasion: Occasion) -> bool:
    """Does one operation; False where its condition does not hold, or there is nothing for it to do."""
    if operation.when is not None and not holds(operation.when, occasion):
        return False
    if operation.op == "set":
        value = filled_text(operation.value, occasion)
        if value is None or len(value) > LONGEST_HEADER or not HEADER_VALUE.fullmatch(value):
            return False
        headers[operation.name] = value
        return True
    if operation.name not in headers:
        return False
    found = headers[operation.name] if operation.op == "copy" else headers.pop(operation.name)
    if operation.op != "delete":
        headers[operation.to] = found
    return True


def _put(root: Json, operation: Operation, occasion: Occasion, room: Room) -> None:
    """Does what is done with one value at each place of the path. Raises `LookupError` where there is none for it."""
    value = filled(operation.value, occasion, room)
    if value is None:
        raise LookupError
    *way, last = operation.path
    makes = operation.op in ("set", "default")
    places = [(holder, step) for holder in list(holders(root, way, makes=makes)) for step in steps_of(holder, last)]
    room.take(value[0], len(places) - 1)
    for holder, step in places:
        ACTS[operation.op](holder, step, deepcopy(value[0]), operation)


def _move(root: Json, operation: Operation, room: Room) -> None:
    """Puts what the path finds first where it is to go, and takes it away from there it was unless it is copied."""
    *way, last = operation.path
    for holder in holders(root, way):
        for step in steps_of(holder, last):
            if (found := got(holder, step)) is None:
                continue
            room.take(found[0])
            value = deepcopy(found[0])
            if operation.op == "rename":
                _delete(holder, step, None, operation)
            *way_to, last_to = operation.to
            ends = list(holders(root, way_to, makes=True))
            places = [(place, step_to) for place in ends for step_to in steps_of(place, last_to)]
            room.take(value, len(places) - 1)
            for place, step_to in places:
                _set(place, step_to, deepcopy(value), operation)
            return


Act: TypeAlias = Callable[[Json, str, Json, Operation], None]


def _set(node: Json, step: str, value: Json, _: Operation) -> None:
    place = place_of(node, step)
    if isinstance(node, dict):
        node[step] = value
    elif place is not None:
        node[place] = value


def _default(node: Json, step: str, value: Json, _: Operation) -> None:
    if isinstance(node, dict):
        node.setdefault(step, value)


def _delete(node: Json, step: str, _: Json, __: Operation) -> None:
    place = place_of(node, step)
    if isinstance(node, dict):
        node.pop(step, None)
    elif place is not None:
        del node[place]


def _list_at(node: Json, step: str) -> list[Json] | None:
    found = got(node, step)
    return found[0] if found and isinstance(found[0], list) else None


def _append(node: Json, step: str, value: Json, operation: Operation) -> None:
    if (found := _list_at(node, step)) is not None:
        found += _elements(value, operation)


def _prepend(node: Json, step: str, value: Json, operation: Operation) -> None:
    if (found := _list_at(node, step)) is not None:
        found[:0] = _elements(value, operation)


def _insert(node: Json, step: str, value: Json, operation: Operation) -> None:
    """Puts the value at a place, or beside the first element that matches; nowhere if none does."""
    if (found := _list_at(node, step)) is None:
        return
    place = operation.index
    for match, beside in ((operation.before, 0), (operation.after, 1)):
        if match is not None:
            place = next((n + beside for n, each in enumerate(found) if _matches(each, match)), None)
    if place is not None:
        found[place:place] = _elements(value, operation)


def _remove(node: Json, step: str, _: Json, operation: Operation) -> None:
    """Takes out the element at a place, or all that match."""
    if (found := _list_at(node, step)) is None:
        return
    if operation.index is not None:
        _delete(found, str(operation.index), None, operation)
    match = operation.match
    if match is not None:
        found[:] = [each for each in found if not _matches(each, match)]


def _elements(value: Json, operation: Operation) -> list[Json]:
    return value if operation.spread and isinstance(value, list) else [value]


def _matches(element: Json, match: Match) -> bool:
    return any(same(found, match.equals) for found in values_at(element, match.path))


ACTS: dict[str, Act] = {
    "set": _set,
    "default": _default,
    "delete": _delete,
    "append": _append,
    "prepend": _prepend,
    "insert": _insert,
    "remove": _remove,
}
"""Operations on one container."""
