"""Texts that are to be made vectors, and the vectors, in neutral form."""

from __future__ import annotations

from array import array
from base64 import b64decode, b64encode

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.request import Loss

_NUMBERS = msgspec.json.Decoder(list[float])
_TEXT = msgspec.json.Decoder(str)


class Embedding(Struct, frozen=True, kw_only=True):
    """One wish for vectors."""

    texts: tuple[str, ...]
    dimensions: int | None = None
    """Length of a vector; None leaves the model's own."""
    packed: bool = False
    """Whether vectors are wished as base64 of 32-bit floats, on wires that know that."""
    losses: tuple[Loss, ...] = ()
    """What could not be read as it was meant."""


class Vectors(Struct, frozen=True, kw_only=True):
    """What was made of the texts, in their order."""

    vectors: tuple[Raw, ...]
    """Each a JSON list of numbers, or a text: base64 of 32-bit floats."""
    prompt_tokens: int | None = None


def as_list(vector: Raw) -> Raw:
    """The vector as a list of numbers. Raises `msgspec.DecodeError` and `ValueError` for what is no vector."""
    if not bytes(vector).startswith(b'"'):
        return vector
    return Raw(msgspec.json.encode(array("f", b64decode(_TEXT.decode(vector), validate=True)).tolist()))


def as_packed(vector: Raw) -> Raw:
    """The vector as base64 of 32-bit floats, little-endian. Raises `msgspec.DecodeError` for what is no vector."""
    if bytes(vector).startswith(b'"'):
        return vector
    return Raw(msgspec.json.encode(b64encode(array("f", _NUMBERS.decode(vector)).tobytes()).decode()))
