"""What a block of the vendor's own kind says in plain words, for dialects that have no such block."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec
from msgspec import Raw

PLAIN_LIMIT = 20_000
"""Characters that a fallback may have; what the provider read for itself can be whole pages."""

_SPOKEN = ("text", "thinking", "stdout", "stderr", "query", "code", "error_code", "tool_name")
"""Members whose strings are words for people."""


def plainly(raw: Raw) -> str | None:
    """The words in a block, one thing to a line; None if it has none. Encrypted members are never shown."""
    try:
        block = msgspec.json.decode(raw)
        words = "\n".join(line for line in _lines(block) if line.strip())
    except (msgspec.DecodeError, RecursionError):
        return None
    if not words:
        return None
    name = block.get("name") if isinstance(block, dict) else None
    return (f"[{name}] {words}" if isinstance(name, str) else words)[:PLAIN_LIMIT]


def _lines(value: object) -> Iterator[str]:
    if isinstance(value, list):
        for item in value:
            yield from _lines(item)
    elif isinstance(value, dict):
        title, address = value.get("title"), value.get("url") or value.get("source")
        if isinstance(title, str):
            yield f"{title}: {address}" if isinstance(address, str) else title
        elif isinstance(value.get("url"), str):
            yield value["url"]
        for name in _SPOKEN:
            if isinstance(value.get(name), str):
                yield value[name]
        for name in ("input", "content", "source"):
            inner = value.get(name)
            if isinstance(inner, str):
                if name != "source":
                    yield inner
            elif isinstance(inner, dict) and inner.get("type") == "text" and isinstance(inner.get("data"), str):
                yield inner["data"]
            else:
                yield from _lines(inner)
