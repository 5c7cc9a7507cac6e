"""What a request asks of whoever answers it, seen at a glance."""

from __future__ import annotations

from typing import NamedTuple

from dragoman.canon.request import Audio, File, Image, Inline, Request, ToolResult


class Needs(NamedTuple):
    """What the parts of a request hold."""

    images: int
    documents: bool
    audio: bool
    video: bool
    long_cache: bool
    """Whether a cache mark asks for an hour."""


def needs_of(request: Request) -> Needs:
    """Which media are among the parts, those in tool results included."""
    images = 0
    documents = audio = video = long_cache = False
    for turn in request.turns:
        for part in turn.parts:
            for inner in part.parts if type(part) is ToolResult else (part,):
                kind = type(inner)
                if kind is Image:
                    images += 1
                elif kind is Audio:
                    audio = True
                elif isinstance(inner, File):
                    medium = _medium(inner)
                    audio, video = audio or medium == "audio", video or medium == "video"
                    documents = documents or medium not in ("audio", "video")
                long_cache = long_cache or (inner.cache_mark is not None and inner.cache_mark.ttl == "1h")
    return Needs(images, documents, audio, video, long_cache)


def _medium(file: File) -> str:
    """What a file holds, as far as it tells: Google's dialect sends sound and films as it sends documents."""
    source = file.source
    return source.media_type.partition("/")[0] if isinstance(source, Inline) else ""
