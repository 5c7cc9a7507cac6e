"""Texts made vectors, as GigaChat's wire says it: it has no size to wish for, and counts tokens text by text.

Source: developers.sber.ru, `POST /embeddings`, and SDK 0.2.3, read 2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.embedding import Embedding, Vectors
from dragoman.canon.request import Loss
from dragoman.dialects.base import Written

PATH = "/embeddings"
NO_SIZE = Loss("dimensions", "The upstream's vectors have the length that its model gives them.", "dropped")


class _Usage(Struct):
    prompt_tokens: int = 0


class _Vector(Struct):
    embedding: Raw
    index: int = 0
    usage: _Usage | None = None


class _Answer(Struct):
    data: list[_Vector]


_ANSWER = msgspec.json.Decoder(_Answer)


def write_embedding(wish: Embedding, model: str) -> Written:
    """The body for an upstream."""
    sized = (NO_SIZE,) if wish.dimensions is not None else ()
    return Written(msgspec.json.encode({"model": model, "input": wish.texts}), (*wish.losses, *sized))


def read_vectors(body: bytes) -> Vectors | None:
    """What an upstream answered; None if it cannot be read. Never raises."""
    try:
        data = sorted(_ANSWER.decode(body).data, key=lambda each: each.index)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None
    counts = [each.usage.prompt_tokens for each in data if each.usage]
    return Vectors(vectors=tuple(each.embedding for each in data), prompt_tokens=sum(counts) if counts else None)
