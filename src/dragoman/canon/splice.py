"""Byte-exact edits of the top-level members of a JSON object: what is not named stays as it was, to the byte.

Theory: one decode tells every member's name and the bytes of its value; a walk over the names then finds where each
value begins. No JSON value is the beginning of another, but for numbers, which end before a comma or brace; so bytes
that are equal there are the value itself. A member that stands twice repeats a name or differs from its last value,
and is refused (fault F69): the upstream might take the other one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

import msgspec
from msgspec import Raw

from dragoman.canon.depth import DEPTH, too_deep
from dragoman.canon.mend import half_pairs_mended
from dragoman.canon.problem import Kind, Trouble, refuse

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_NAME = re.compile(rb'[\s,]*("(?:[^"\\]|\\.)*")\s*:\s*')
_AFTER = re.compile(rb"\s*[,}]")
_DEPTH_LIMIT_WORDS = "nested deeper than this gateway reads"


class Span(NamedTuple):
    """Where a member stands: `[start:end]` from its name's quote to its value's end; the value from `value`."""

    start: int
    value: int
    end: int


def members(body: bytes) -> dict[str, Raw]:
    """The top-level members of a JSON object. Raises `Trouble` (invalid_request) for anything else."""
    try:
        return _decoded(body)
    except RecursionError:
        raise refuse(
            Kind.INVALID_REQUEST, f"The body was read as JSON but is {_DEPTH_LIMIT_WORDS}. Send flatter JSON."
        ) from None
    except UnicodeDecodeError as found:
        raise refuse(
            Kind.INVALID_REQUEST,
            f"The body was read as JSON but is not UTF-8 at byte {found.start}. Encode the request as UTF-8.",
        ) from None
    except msgspec.DecodeError as found:
        raise refuse(
            Kind.INVALID_REQUEST,
            f"The body was read as a JSON object but is not one: {found}. Send a JSON object.",
        ) from None


def check_once(body: bytes) -> None:
    """Raises `Trouble` (invalid_request) for what is no JSON object, has more than `DEPTH` levels, or a member twice at
    its top level.

    A body that is as short as its members can be written has no room for a second of any.
    """
    found = members(body)
    shortest = 1 + sum([len(name) + len('"":,') + len(memoryview(value)) for name, value in found.items()])
    if len(body) != shortest:
        spans(body, found)
    if (deep := too_deep(found)) is not None:
        raise refuse(
            Kind.INVALID_REQUEST,
            f"The body was read as JSON but its member '{deep}' has more than {DEPTH} levels. Send flatter JSON.",
            param=deep,
        )


def _decoded(body: bytes) -> dict[str, Raw]:
    """The members, also of a body that holds halves of surrogate pairs, which no decoder here accepts."""
    try:
        return _MEMBERS.decode(body)
    except msgspec.DecodeError:
        mended = half_pairs_mended(body)
        if mended == body:
            raise
        return _MEMBERS.decode(mended)


def spans(body: bytes, found: Mapping[str, Raw]) -> dict[str, Span]:
    """Where each of the members `found` in `body` stands. Raises `Trouble` if one stands twice."""
    try:
        return _walked(body, found)
    except (Trouble, msgspec.DecodeError):
        mended = half_pairs_mended(body)  # as `found` was; every place stays where it is
        if mended == body:
            raise
        return _walked(mended, found)


def _walked(body: bytes, found: Mapping[str, Raw]) -> dict[str, Span]:
    places: dict[str, Span] = {}
    position = body.index(b"{") + 1
    while match := _NAME.match(body, position):
        name = msgspec.json.decode(match[1], type=str)
        value = match.end()
        expected = memoryview(found[name])
        position = value + len(expected)
        if name in places or not body.startswith(expected, value) or not _AFTER.match(body, position):
            raise refuse(
                Kind.INVALID_REQUEST,
                f"The body was read as JSON but its member '{name}' stands twice. Send each member once.",
                param=name,
            )
        places[name] = Span(match.start(1), value, position)
    return places


def splice(body: bytes, edits: Mapping[str, bytes | None]) -> bytes:
    """The same JSON object with each named member's value replaced, added at the end, or (None) removed."""
    if not edits:
        return body
    places = list(spans(body, members(body)).items())
    first = places[0][1].start if places else body.index(b"{") + 1
    pieces: list[bytes] = [body[:first]]
    end = first
    for name, span in places:
        value = edits.get(name, b"")
        if value is not None:
            if len(pieces) > 1:
                pieces.append(body[end : span.start])
            pieces.append(body[span.start : span.end] if not value else body[span.start : span.value] + value)
        end = span.end
    known = {name for name, _ in places}
    for name, value in edits.items():
        if name not in known and value is not None:
            separator = b"," if len(pieces) > 1 else b""
            pieces.append(separator + msgspec.json.encode(name) + b":" + value)
    return b"".join([*pieces, body[end:]])
