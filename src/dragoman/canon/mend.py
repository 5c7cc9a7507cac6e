"""JSON text with every character whole: what cannot be one becomes U+FFFD.

Clients cut texts in the middle of a character, and the half stays in their history for ever; servers cut streams so.
A mended escape is as long as it was, so that places found in the mended text hold in the text as it came.
"""

from __future__ import annotations

import re

_ESCAPE = re.compile(rb"\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u[dD][89a-fA-F][0-9a-fA-F]{2}|.)")


def whole_characters(data: bytes) -> bytes:
    """The same JSON, with U+FFFD for bytes that are not UTF-8 and for escapes of half a surrogate pair."""
    return half_pairs_mended(data.decode("utf-8", "replace").encode())


def half_pairs_mended(data: bytes) -> bytes:
    """The same JSON, with U+FFFD for escapes of half a surrogate pair, which no decoder here accepts."""
    return _ESCAPE.sub(_whole, data)


def _whole(escape: re.Match[bytes]) -> bytes:
    text = escape[0]
    return b"\\ufffd" if len(text) == 6 and text[1:3].lower() == b"ud" else text
