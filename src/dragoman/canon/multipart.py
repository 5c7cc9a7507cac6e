"""Fields of a form that came with files (`multipart/form-data`), read and replaced without touching anything else.

Source: RFC 7578 and RFC 2046 section 5.1, read 2026-11-20.
"""

from __future__ import annotations

import re
from typing import NamedTuple

from dragoman.canon.problem import Kind, refuse

FORM = "multipart/form-data"
_BOUNDARY = re.compile(r'boundary=(?:"([^"]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)


class Field(NamedTuple):
    """Where the value of a field stands: `[start:end]`."""

    start: int
    end: int


def is_form(content_type: str) -> bool:
    """Whether a body of this type is a form with fields."""
    return content_type.partition(";")[0].strip().lower() == FORM


def find_field(body: bytes, content_type: str, name: str) -> Field | None:
    """The place of a field's value; None where there is no such field, or it is a file's.

    Raises `Trouble` (invalid_request) for a form that names no boundary.
    """
    told = _BOUNDARY.search(content_type)
    if told is None:
        raise refuse(
            Kind.INVALID_REQUEST,
            "The request came as a form, but its content-type names no boundary. Let an HTTP library make the form.",
        )
    border = b"--" + (told[1] or told[2]).encode("latin-1", "replace")
    wanted = re.compile(rb'name="?%b"?\s*(?:;|\r\n|$)' % re.escape(name.encode()), re.IGNORECASE)
    start = body.find(border)
    while start >= 0:
        head = start + len(border)
        blank = body.find(b"\r\n\r\n", head)
        end = body.find(b"\r\n" + border, head)
        if blank < 0 or end < 0:
            return None
        described = body[head:blank]
        if blank < end and b"filename" not in described and wanted.search(described):
            return Field(blank + 4, end)
        start = end + 2
    return None


def field_text(body: bytes, content_type: str, name: str) -> str:
    """The value of a field; empty where there is none. Raises `Trouble` (invalid_request)."""
    found = find_field(body, content_type, name)
    return body[found.start : found.end].decode("utf-8", "replace") if found else ""


def with_field(body: bytes, content_type: str, name: str, text: str) -> bytes:
    """The same form with another value of a field that it has. Raises `Trouble` (invalid_request)."""
    found = find_field(body, content_type, name)
    return body[: found.start] + text.encode() + body[found.end :] if found else body
