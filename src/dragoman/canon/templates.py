"""Values with placeholders, as `"{model}"`, that are filled from one request. Nothing in them is ever run.

Rules. A text that is one placeholder and nothing else becomes the very value, a number a number; within a longer text
it becomes text. Where what a placeholder stands for is not there, the whole value is not there: no half a text leaves.
A brace that is meant as such is written twice.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec
from msgspec import Struct, field

from dragoman.canon.paths import EVERY, Json, as_text, path_of, values_at

BRACES = re.compile(r"\{\{|\}\}|\{([^{}]*)\}|[{}]")
"""A doubled brace, a placeholder, or a brace that is neither."""
WORDS = ("model", "asked", "channel", "door", "effort", "session")
"""Placeholders that are members of an `Occasion`."""
HEADER, BODY = "header", "body"
"""Beginnings of those that name a header of the client, or a member of the body: `{header.x-team}`."""

MOST = 64 * 1024 * 1024
"""Bytes that all changes of one request may put in, twice what a client may send."""
DEEPEST = 64
"""Levels that a value may have."""


class Occasion(Struct, frozen=True, kw_only=True):
    """What placeholders stand for and conditions look at: one request on its way to one channel. Empty: not known."""

    model: str = ""
    """The model that the channel is asked for."""
    asked: str = ""
    """The model's name as the client gave it."""
    channel: str = ""
    door: str = ""
    """The client's dialect."""
    effort: str = ""
    session: str = ""
    """Id of the coding session."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The client's, by lower-case name."""
    body: Json = None
    """What is sent, as far as it has been changed."""


class Room(Struct):
    """How much more may be put into one request: a few changes that double what is there make any body endless.
    Mutable."""

    left: int = MOST

    def take(self, value: Json, times: int = 1) -> None:
        """Takes the room for a value that is put in so many times. Raises `LookupError` where there is none."""
        if times > 0:
            size = times * len(value if isinstance(value, str) else msgspec.json.encode(value))
            if size > self.left:
                raise LookupError
            self.left -= size


class Placeholder(Struct, frozen=True):
    """What is to be put in."""

    source: str
    path: tuple[str, ...] = ()
    """A header's name, or the way to a member of the body."""


class Template(Struct, frozen=True):
    """A text with placeholders."""

    pieces: tuple[str | Placeholder, ...]


def template_of(text: str) -> str | Template:
    """The template that a text is; just a text where it holds no placeholder. Raises `ValueError`, in words."""
    pieces: list[str | Placeholder] = []
    end = 0
    for found in BRACES.finditer(text):
        pieces.append(text[end : found.start()])
        end = found.end()
        match found[0]:
            case "{{" | "}}":
                pieces.append(found[0][0])
            case "{" | "}":
                raise ValueError("a brace stands alone; write it twice where it is meant as such")
            case _:
                pieces.append(_placeholder(found[1]))
    pieces.append(text[end:])
    if all(isinstance(piece, str) for piece in pieces):
        return "".join(map(str, pieces))
    return Template(tuple(piece for piece in pieces if piece))


def literal(text: str) -> str:
    """The text as it must be written to stand for itself."""
    return text.replace("{", "{{").replace("}", "}}")


def compiled(value: Json, levels: int = DEEPEST) -> Json:
    """The value with its texts as templates where they are such. Raises `ValueError`, in words."""
    if levels == 0:
        raise ValueError(f"it has more than {DEEPEST} levels")
    match value:
        case str():
            return template_of(value)
        case list():
            return [compiled(each, levels - 1) for each in value]
        case dict():
            return {name: compiled(each, levels - 1) for name, each in value.items()}
    return value


def filled(value: Json, occasion: Occasion, room: Room | None = None) -> tuple[Json] | None:
    """The value for this occasion, of its own, in a tuple of one; None where something that it needs is not there, or
    has no room."""
    try:
        return (_filled(value, occasion, room or Room()),)
    except LookupError:
        return None


def filled_text(value: str | Template, occasion: Occasion) -> str | None:
    """The same for what is a text in the end."""
    found = filled(value, occasion)
    return None if found is None else as_text(found[0])


def names_headers(value: Json) -> list[str]:
    """The client's headers that a compiled value is filled from."""
    return [piece.path[0] for piece in _placeholders(value) if piece.source == HEADER]


def looks_at_body(value: Json) -> bool:
    """Whether a compiled value is filled from the body."""
    return any(piece.source == BODY for piece in _placeholders(value))


def _placeholder(words: str) -> Placeholder:
    source, dot, rest = words.strip().partition(".")
    if source in WORDS and not dot:
        return Placeholder(source)
    if source == HEADER and rest:
        return Placeholder(HEADER, (rest.lower(),))
    if source == BODY and rest and EVERY not in (path := path_of(rest)):
        return Placeholder(BODY, path)
    known = ", ".join(f"{{{word}}}" for word in (*WORDS, "header.NAME", "body.PATH"))
    raise ValueError(f"it holds a placeholder that there is not; there are {known}, and a brace as such is doubled")


def _filled(value: Json, occasion: Occasion, room: Room) -> Json:
    match value:
        case Template(pieces=(Placeholder() as only,)):
            return _copied(_found(only, occasion, room))
        case Template(pieces=pieces):
            texts = (piece if isinstance(piece, str) else as_text(_found(piece, occasion, room)) for piece in pieces)
            return "".join(texts)
        case list():
            return [_filled(each, occasion, room) for each in value]
        case dict():
            return {name: _filled(each, occasion, room) for name, each in value.items()}
    return value


def _found(piece: Placeholder, occasion: Occasion, room: Room) -> Json:
    """What a placeholder stands for. Raises `LookupError` where it is not there, or has no room."""
    if piece.source == BODY:
        for found in values_at(occasion.body, piece.path):
            room.take(found)
            return found
        raise LookupError
    found = occasion.headers.get(piece.path[0]) if piece.source == HEADER else getattr(occasion, piece.source)
    if not found:
        raise LookupError
    return found


def _copied(value: Json) -> Json:
    """The value, sharing nothing with the body that it is from."""
    if isinstance(value, dict):
        return {name: _copied(each) for name, each in value.items()}
    return [_copied(each) for each in value] if isinstance(value, list) else value


def _placeholders(value: Json) -> list[Placeholder]:
    match value:
        case Template(pieces=pieces):
            return [piece for piece in pieces if isinstance(piece, Placeholder)]
        case list():
            return [piece for each in value for piece in _placeholders(each)]
        case dict():
            return [piece for each in value.values() for piece in _placeholders(each)]
    return []
