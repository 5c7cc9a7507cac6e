"""Documents that are plain text, as the words a model reads where its wire takes no such document."""

from __future__ import annotations

from base64 import b64decode
from binascii import Error as Base64Error

from dragoman.canon.request import File, Inline


def titled(part: File, text: str) -> str:
    """The text of a document under its name and what was said of it."""
    head = "\n".join(line for line in (part.name, part.context) if line)
    return f"{head}\n\n{text}" if head else text


def decoded(source: Inline) -> str:
    """The text in base64; the base64 itself where it is none."""
    try:
        return b64decode(source.base64).decode("utf-8", "replace")
    except (Base64Error, ValueError):
        return source.base64
