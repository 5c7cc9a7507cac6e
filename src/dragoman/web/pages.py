"""Which part of a list is asked for, in the manner of each vendor that has pages."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping, Sequence
from typing import NamedTuple
from urllib.parse import parse_qsl

from dragoman.canon.problem import Kind, refuse

MOST = 1000
"""Entries of a page at most, by both vendors."""


class Page(NamedTuple):
    """A part of a list."""

    start: int
    end: int
    more: bool
    """Whether there is more in the direction that was asked for."""
    token: str = ""
    """What asks for the next page; empty: this is the last."""


def members_of(query: str) -> dict[str, str]:
    """What a query says by name; what is said several times, as `name=` or `name[]=`, is one list by commas."""
    found: dict[str, str] = {}
    for name, value in parse_qsl(query):
        plain = name.removesuffix("[]")
        found[plain] = f"{found[plain]},{value}" if plain in found else value
    return found


def page_after(ids: Sequence[str], query: Mapping[str, str]) -> Page:
    """The page that Anthropic's `limit`, `after_id` and `before_id` ask for. Raises `Trouble` (invalid_request)."""
    size = _size(query, "limit")
    after, before = query.get("after_id", ""), query.get("before_id", "")
    if after and before:
        raise refuse(Kind.INVALID_REQUEST, "`after_id` and `before_id` were both sent. Send one of them.")
    if before:
        end = _place(ids, before, "before_id")
        start = max(end - size, 0)
        return Page(start, end, start > 0)
    start = _place(ids, after, "after_id") + 1 if after else 0
    end = min(start + size, len(ids))
    return Page(start, end, end < len(ids))


def page_by_token(ids: Sequence[str], query: Mapping[str, str]) -> Page:
    """The page that Google's `pageSize` and `pageToken` ask for. Raises `Trouble` (invalid_request).

    The token names the last entry that was seen, so that a page follows it rightly though the list has grown.
    """
    size, token = _size(query, "pageSize") or MOST, query.get("pageToken", "")
    start = _place(ids, _seen(token), "pageToken") + 1 if token else 0
    end = min(start + size, len(ids))
    more = end < len(ids)
    return Page(start, end, more, base64.urlsafe_b64encode(ids[end - 1].encode()).decode() if more else "")


def _seen(token: str) -> str:
    try:
        return base64.b64decode(token.encode(), altchars=b"-_", validate=True).decode()
    except (binascii.Error, UnicodeError, ValueError):
        return ""


def _size(query: Mapping[str, str], name: str) -> int:
    """The size of a page. Google takes 0 for its own choice and cuts what is too large; Anthropic refuses both."""
    text = query.get(name, "")
    if not text:
        return MOST
    least = 0 if name == "pageSize" else 1
    if not (text.isascii() and text.isdecimal() and len(text) < 10) or int(text) < least:
        raise refuse(Kind.INVALID_REQUEST, f"`{name}` is '{text[:40]}' but must be a whole number up to {MOST}.")
    if name == "limit" and int(text) > MOST:
        raise refuse(Kind.INVALID_REQUEST, f"`{name}` is {text} but at most {MOST} models are on a page.")
    return min(int(text), MOST)


def _place(ids: Sequence[str], wanted: str, name: str) -> int:
    try:
        return ids.index(wanted)
    except ValueError:
        words = f"`{name}` names no model of this list, which may have changed. Begin at the first page."
        raise refuse(Kind.INVALID_REQUEST, words) from None
