"""Texts made vectors, as Gemini's wire says it.

Source: ai.google.dev, API reference of `embedContent` and `batchEmbedContents`, and SDK 3.3, read 2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.embedding import Embedding, Vectors, as_list
from dragoman.canon.request import Loss
from dragoman.dialects.base import Written
from dragoman.dialects.gemini.casing import inner, listed, opened
from dragoman.dialects.gemini.wire import NAME
from dragoman.dialects.take import Members, wrong

ONE_PATH = "/v1beta/models/{model}:embedContent"
PATH = "/v1beta/models/{model}:batchEmbedContents"


class _Values(Struct):
    values: Raw


class _Answer(Struct):
    embeddings: list[_Values]


_ANSWER = msgspec.json.Decoder(_Answer)


def read_one(body: bytes) -> Embedding:
    """A client's body that asks for one vector. Raises `Trouble` (invalid_request, naming the member)."""
    return _wish([opened(body, "")])


def read_many(body: bytes) -> Embedding:
    """A client's body that asks for several. Raises `Trouble` (invalid_request, naming the member)."""
    members = opened(body, "")
    return _wish(members.need("requests", listed(members, "requests") or None))


def _wish(asked: list[Members]) -> Embedding:
    texts: list[str] = []
    lost: dict[str, Loss] = {}
    dimensions: int | None = None
    for each in asked:
        each.text("model")
        content = inner(each, "content")
        parts = listed(content, "parts") if content else []
        words = [part.text("text") for part in parts]
        if not words or None in words:
            raise wrong(each.where("content"), "made of texts")
        texts.append("".join(word or "" for word in words))
        dimensions = each.whole("outputDimensionality") or dimensions
        left = each.rest(NAME)
        for name in left.members if left else ():
            lost[name] = Loss(name, "Only the client's own dialect has this member.", "dropped")
    return Embedding(texts=tuple(texts), dimensions=dimensions, losses=tuple(lost.values()))


def write_embedding(wish: Embedding, model: str) -> Written:
    """The body for an upstream."""
    named = f"models/{model.removeprefix('models/')}"
    size = {} if wish.dimensions is None else {"outputDimensionality": wish.dimensions}
    asked = [{"model": named, "content": {"parts": [{"text": text}]}, **size} for text in wish.texts]
    return Written(msgspec.json.encode({"requests": asked}), wish.losses)


def read_vectors(body: bytes) -> Vectors | None:
    """What an upstream answered; None if it cannot be read. Never raises. This wire tells no tokens."""
    try:
        return Vectors(vectors=tuple(each.values for each in _ANSWER.decode(body).embeddings))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return None


def write_one(found: Vectors, wish: Embedding, model: str) -> bytes:  # noqa: ARG001 - an embedder's shape
    """The answer for a client that asked for one vector."""
    values = [as_list(each) for each in found.vectors[:1]]
    return msgspec.json.encode({"embedding": {"values": values[0] if values else []}})


def write_many(found: Vectors, wish: Embedding, model: str) -> bytes:  # noqa: ARG001 - an embedder's shape
    """The answer for a client that asked for several."""
    return msgspec.json.encode({"embeddings": [{"values": as_list(each)} for each in found.vectors]})
