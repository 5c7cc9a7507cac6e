"""What a request asks of whoever answers it, seen at a glance."""

from __future__ import annotations

from typing import NamedTuple

from dragoman.canon.request import File, Image, Request, ToolResult


class Needs(NamedTuple):
    """What the parts of a request hold."""

    images: bool
    documents: bool
    long_cache: bool
    """Whether a cache mark asks for an hour."""


def needs_of(request: Request) -> Needs:
    """Whether pictures and documents are among the parts, those in tool results included."""
    images = documents = long_cache = False
    for turn in request.turns:
        for part in turn.parts:
            for inner in part.parts if type(part) is ToolResult else (part,):
                kind = type(inner)
                images = images or kind is Image
                documents = documents or kind is File
                long_cache = long_cache or (inner.cache_mark is not None and inner.cache_mark.ttl == "1h")
    return Needs(images, documents, long_cache)
