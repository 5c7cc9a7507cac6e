"""Texts made vectors, as OpenAI's wire says it and the servers compatible with it.

Source: platform.openai.com, Embeddings reference, and SDK 3.51, which asks for base64 where nothing was wished, read
2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.embedding import Embedding, Vectors, as_list, as_packed
from dragoman.canon.problem import Kind, refuse
from dragoman.canon.request import Loss
from dragoman.canon.usage import Usage
from dragoman.dialects.base import Written
from dragoman.dialects.openai_chat.usage import read_usage
from dragoman.dialects.openai_chat.wire import NAME, NULL
from dragoman.dialects.take import Members, first_byte

PATH = "/embeddings"
ONLY_OWN = "Only the client's own dialect has this member."
_TEXTS = msgspec.json.Decoder(list[str])


class _Vector(Struct):
    embedding: Raw
    index: int = 0


class _Usage(Struct):
    prompt_tokens: int | None = None


class _Answer(Struct):
    data: list[_Vector]
    usage: _Usage | None = None


class _Used(Struct):
    usage: Raw = NULL


_ANSWER = msgspec.json.Decoder(_Answer)
_USED = msgspec.json.Decoder(_Used)


def read_embedding(body: bytes) -> Embedding:
    """A client's body. Raises `Trouble` (invalid_request or unsupported, naming the member)."""
    members = Members.of(body)
    members.text("model")
    members.text("user")
    texts = _texts(members.need("input", members.raw("input")))
    dimensions = members.whole("dimensions")
    packed = members.text("encoding_format") == "base64"
    left = members.rest(NAME)
    losses = [Loss(name, ONLY_OWN, "dropped") for name in left.members] if left else []
    return Embedding(texts=texts, dimensions=dimensions, packed=packed, losses=tuple(losses))


def _texts(raw: Raw) -> tuple[str, ...]:
    try:
        if first_byte(raw) == b'"':
            return (msgspec.json.decode(raw, type=str),)
        return tuple(_TEXTS.decode(raw))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise refuse(
            Kind.UNSUPPORTED,
            "The request was read but 'input' is neither a text nor a list of texts, and tokens mean something to one "
            "model alone. Send texts.",
            param="input",
        ) from None


def write_embedding(wish: Embedding, model: str) -> Written:
    """The body for an upstream."""
    body: dict[str, object] = {"model": model, "input": wish.texts}
    if wish.dimensions is not None:
        body["dimensions"] = wish.dimensions
    return Written(msgspec.json.encode(body), wish.losses)


def read_vectors(body: bytes) -> Vectors | None:
    """What an upstream answered; None if it cannot be read. Never raises."""
    try:
        answer = _ANSWER.decode(body)
        vectors = [as_list(each.embedding) for each in sorted(answer.data, key=lambda each: each.index)]
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError, ValueError):
        return None
    return Vectors(vectors=tuple(vectors), prompt_tokens=answer.usage.prompt_tokens if answer.usage else None)


def write_vectors(found: Vectors, wish: Embedding, model: str) -> bytes:
    """The answer for a client."""
    form = as_packed if wish.packed else as_list
    data = [
        {"object": "embedding", "index": index, "embedding": form(each)} for index, each in enumerate(found.vectors)
    ]
    body: dict[str, object] = {"object": "list", "data": data, "model": model}
    tokens = found.prompt_tokens or 0
    return msgspec.json.encode({**body, "usage": {"prompt_tokens": tokens, "total_tokens": tokens}})


def read_use(body: bytes) -> Usage:
    """What any JSON answer of this wire says it has used; nothing if it says nothing. Never raises."""
    try:
        usage, _ = read_usage(_USED.decode(body).usage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Usage()
    return usage
