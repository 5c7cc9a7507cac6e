"""Answers of the token count endpoint.

Source: the vendor's page on token counting, read 2026-11-20.
"""

from __future__ import annotations

import msgspec

from dragoman.canon.usage import count


def read_count(body: bytes) -> int | None:
    """Tokens in an upstream's answer; None if it tells none. Never raises."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return count(answer.get("input_tokens")) if isinstance(answer, dict) else None


def write_count(tokens: int) -> bytes:
    """The answer for a client."""
    return msgspec.json.encode({"input_tokens": tokens})
