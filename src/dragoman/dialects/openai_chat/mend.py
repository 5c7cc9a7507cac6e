"""JSON that no strict decoder accepts, mended: bytes that are no UTF-8, and halves of surrogate pairs.

Clients cut texts in the middle of a character, and the half stays in their history for ever; servers cut streams so.
"""

from __future__ import annotations

import re

_HIGH = rb"\\u[dD][89abAB][0-9a-fA-F]{2}"
_LOW = rb"\\u[dD][c-fC-F][0-9a-fA-F]{2}"
_ESCAPES = re.compile(rb"\\\\|(" + _HIGH + _LOW + rb")|" + _HIGH + rb"|" + _LOW)
_BACKSLASH = rb"\\"


def mended(body: bytes) -> bytes:
    """The same JSON with U+FFFD in place of what is not a character."""
    return _ESCAPES.sub(_whole, body.decode("utf-8", "replace").encode())


def _whole(found: re.Match[bytes]) -> bytes:
    said = found[0]
    return said if found[1] or said == _BACKSLASH else rb"\ufffd"
