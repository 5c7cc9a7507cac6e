"""Seals on their way through a client: wrapped with the name of their issuer, and recognised when they return.

A wrapped seal is `dgm1.` + origin + `.` + blob, with the origin in unpadded URL-safe base64. Only the native
vendor's own seals travel bare, and only while a single account can have issued them; an unmarked seal that comes
in is therefore the native vendor's.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode, urlsafe_b64encode
from binascii import Error as Base64Error

from dragoman.canon.request import Seal

MARK = "dgm1."
NATIVE = ""
"""Origin of a seal that carries no mark."""


def wrap(seal: Seal) -> str:
    """The seal as one string that names its issuer; a native seal stays bare."""
    if seal.origin == NATIVE:
        return seal.blob
    name = urlsafe_b64encode(seal.origin.encode()).decode().rstrip("=")
    return f"{MARK}{name}.{seal.blob}"


def unwrap(text: str) -> Seal:
    """The seal in a string that a client sent back. Anything without a readable mark is native."""
    if not text.startswith(MARK):
        return Seal(NATIVE, text)
    name, dot, blob = text[len(MARK) :].partition(".")
    try:
        origin = urlsafe_b64decode(name + "=" * (-len(name) % 4)).decode()
    except (Base64Error, ValueError):
        return Seal(NATIVE, text)
    return Seal(origin, blob) if dot and origin else Seal(NATIVE, text)
