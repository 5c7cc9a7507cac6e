"""How deeply JSON is nested, told at the cost of looking for its brackets.

Theory: what has no more brackets than levels are allowed cannot be too deep, whatever stands in its texts. The items of
a list are looked at one by one, so that a body of messages and tools passes by that alone; only what is left is walked.
"""

from __future__ import annotations

from collections.abc import Mapping
from itertools import accumulate

import msgspec
from msgspec import Raw

DEPTH = 128
"""Levels that a body may have, its own braces being the first. No agent's schema comes near (fault F69)."""
SPLIT_BYTES = 1024 * 1024
"""Lists up to this size are looked at item by item; a larger one may have more items than memory should hold."""
_ITEMS = msgspec.json.Decoder(list[Raw])
_STEPS = tuple({ord("{"): 1, ord("["): 1, ord("}"): -1, ord("]"): -1}.get(byte, 0) for byte in range(256))
_NO_OPENING = bytes(byte for byte in range(256) if _STEPS[byte] < 1)
_NO_BRACKET_OR_QUOTE = bytes(byte for byte in range(256) if not _STEPS[byte] and byte != ord('"'))


def too_deep(members: Mapping[str, Raw], most: int = DEPTH) -> str | None:
    """The first of an object's members by which it has more levels than `most`; None where it has not."""
    for name, value in members.items():
        view = memoryview(value)
        if len(view) > 2 * (most - 1) and _exceeds(view, most - 1):
            return name
    return None


def _exceeds(value: memoryview, most: int) -> bool:
    """Whether valid JSON has more levels."""
    if value[0] != ord("[") or most < 1 or len(value) > SPLIT_BYTES:
        return _has_more(value, most)
    try:
        return any(_has_more(memoryview(item), most - 1) for item in _ITEMS.decode(value))
    except RecursionError:
        return True


def _has_more(value: memoryview, most: int) -> bool:
    text = value.tobytes()
    return len(text) > 2 * most and len(text.translate(None, _NO_OPENING)) > most and _levels(text) > most


def _levels(text: bytes) -> int:
    """Levels of valid JSON. Between two quotes is text, once those that are escaped are gone; two that meet leave all
    others inside or outside of a text."""
    bare = text.replace(b"\\\\", b"").replace(b'\\"', b"").translate(None, _NO_BRACKET_OR_QUOTE).replace(b'""', b"")
    brackets = b"".join(bare.split(b'"')[::2])
    return max(accumulate(map(_STEPS.__getitem__, brackets)), default=0)
