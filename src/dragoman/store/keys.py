"""The form of API keys and tokens: made to be found by secret scanners and checked without a database.

A key is a prefix, 12 characters by which it is looked up and may be spoken of, 43 of secret (256 bits) and 6 of
CRC-32 over all that, in base 62. `PATTERN` finds keys in any text; `is_well_formed` then tells nearly all noise apart.
"""

from __future__ import annotations

import hmac
import re
import secrets
import zlib
from typing import Literal, NamedTuple

Prefix = Literal["dgm_", "dgt_", "dgi_"]
KEY: Prefix = "dgm_"
"""What a client of the gateway presents."""
TOKEN: Prefix = "dgt_"  # noqa: S105 - a prefix
"""What a script presents to the admin API."""
INVITATION: Prefix = "dgi_"
"""What whoever is invited presents to become a user."""

PATTERN = re.compile(r"\bdg[mti]_[0-9A-Za-z]{61}\b")
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
PUBLIC, SECRET, CHECK = 12, 43, 6
LENGTH = len(KEY) + PUBLIC + SECRET + CHECK
MOST_CHECKED = 256
"""Characters of what was presented that are looked at: more is no key."""


class Text(NamedTuple):
    """A key just made."""

    text: str
    public_id: str


def mint(prefix: Prefix) -> Text:
    """A new key or token."""
    public_id = _base62(secrets.randbelow(62**PUBLIC), PUBLIC)
    body = f"{prefix}{public_id}{_base62(secrets.randbits(256), SECRET)}"
    return Text(body + _check(body), public_id)


def is_well_formed(text: str, prefix: Prefix) -> bool:
    """Whether it can be such a key at all; noise is told from one without a database."""
    if len(text) != LENGTH or not text.startswith(prefix) or PATTERN.fullmatch(text) is None:
        return False
    return hmac.compare_digest(_check(text[:-CHECK]), text[-CHECK:])


def public_id(text: str) -> str:
    """The part that a well-formed key is looked up by."""
    return text[len(KEY) : len(KEY) + PUBLIC]


def digest(pepper: bytes, text: str) -> bytes:
    """What is remembered of a key. The pepper is sealed, so a stolen database does not even serve to try guesses. A
    slow hash would add nothing to 256 bits of chance, and much to every request."""
    return hmac.digest(pepper, text[:MOST_CHECKED].encode(errors="replace"), "sha256")


def _check(body: str) -> str:
    return _base62(zlib.crc32(body.encode()), CHECK)


def _base62(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, digit = divmod(number, 62)
        digits.append(ALPHABET[digit])
    return "".join(reversed(digits))
