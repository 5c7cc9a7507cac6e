"""Seals in a `thoughtSignature`, which holds base64 and nothing else.

Rule: a seal that must name its issuer is wrapped as everywhere, and the wrapped text put in base64, for the vendor's
SDK refuses a signature that is not. Thinking whose words are hidden is marked in front, since this wire has no other
place to say so.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error

from dragoman.canon.request import Seal
from dragoman.canon.seal import MARK, NATIVE, unwrap, wrap

REDACTED = "redacted:"
_STANDARD = str.maketrans("-_", "+/")
SKIP = "skip_thought_signature_validator"
"""What the vendor takes in place of a signature that was never issued, as for calls of another vendor's model.
Source: ai.google.dev, thought signatures, questions, read 2026-11-20."""


def standard(text: str) -> str:
    """Base64 in the usual alphabet: the vendor takes base64url too, and its SDK 3.3 writes all bytes so."""
    return text.translate(_STANDARD) if "-" in text or "_" in text else text


def signature_of(seal: Seal | None, *, bare: bool, redacted: bool = False) -> str:
    """The signature for a client; empty if there is nothing to say."""
    if seal is None:
        return ""
    if not redacted and (bare or seal.origin == NATIVE):
        return seal.blob
    return b64encode(f"{REDACTED if redacted else ''}{wrap(seal)}".encode()).decode()


def seal_in(signature: str) -> tuple[Seal, bool]:
    """The seal in a signature that a client sent back, and whether it stands for hidden thinking."""
    try:
        text = b64decode(standard(signature), validate=True).decode("ascii")
    except (Base64Error, ValueError):
        return Seal(NATIVE, signature), False
    if text.startswith(REDACTED):
        return unwrap(text.removeprefix(REDACTED)), True
    return (unwrap(text) if text.startswith(MARK) else Seal(NATIVE, signature)), False
