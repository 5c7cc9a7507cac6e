"""A body on its way to an upstream, as bytes."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dragoman.dialects.pen import Pen


def encoded(body: Mapping[str, object], pen: Pen) -> bytes:
    """The body as JSON; halves of characters are replaced, which is a loss."""
    try:
        return msgspec.json.encode(body)
    except UnicodeEncodeError:
        # A half of a character pair cannot be said in UTF-8; it came from a client that cut a text in the middle.
        pen.lose("text.surrogate", "Half a character was replaced, for it cannot be sent.")
        return msgspec.json.encode(_whole(body))


def _whole(value: object) -> object:
    """The same value with halves of characters replaced in all its texts."""
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case dict():
            return {str(_whole(name)): _whole(each) for name, each in value.items()}
        case list() | tuple():
            return [_whole(each) for each in value]
        case _:
            return value
