"""Token counts of this wire, both ways.

`input_tokens` counts all of the prompt, cached or not; `output_tokens` counts reasoning too. Source: SDK types 3.51
(`response_usage`), read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.request import Extras
from dragoman.canon.usage import Usage, count
from dragoman.dialects.openai_responses.wire import NAME, NULL


class _Used(Struct):
    usage: Raw = NULL


_USED = msgspec.json.Decoder(_Used)
_OBJECT = msgspec.json.Decoder(dict[str, object])
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_READ = frozenset({"input_tokens", "output_tokens", "total_tokens", "input_tokens_details", "output_tokens_details"})


def read_use(body: bytes) -> Usage:
    """What any JSON answer of this wire says it has used; nothing if it says nothing. Never raises."""
    try:
        usage, _ = read_usage(_USED.decode(body).usage)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return Usage()
    return usage


def read_usage(raw: Raw) -> tuple[Usage, Extras | None]:
    """Counts and unknown members of a usage object; nothing said for anything that is not one."""
    try:
        found, members = _OBJECT.decode(raw), _MEMBERS.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return Usage(), None
    prompt, written = _details(found, "input_tokens_details"), _details(found, "output_tokens_details")
    total = count(found.get("input_tokens"))
    read, stored = count(prompt.get("cached_tokens")), count(prompt.get("cache_write_tokens"))
    rest = {name: value for name, value in members.items() if name not in _READ and value != NULL}
    usage = Usage(
        input=None if total is None else max(total - (read or 0) - (stored or 0), 0),
        cache_read=read,
        cache_write_5m=stored or None,
        output=count(found.get("output_tokens")),
        thinking=count(written.get("reasoning_tokens")),
    )
    return usage, Extras(NAME, rest) if rest else None


def _details(found: Mapping[str, object], name: str) -> Mapping[str, object]:
    details = found.get(name)
    return details if isinstance(details, dict) else {}


def write_usage(usage: Usage, extras: Extras | None = None) -> dict[str, object]:
    """The usage object of an answer; this wire demands every count."""
    prompt, output = usage.prompt, usage.output or 0
    said: dict[str, object] = {
        "input_tokens": prompt,
        "input_tokens_details": {
            "cached_tokens": usage.cache_read or 0,
            "cache_write_tokens": (usage.cache_write_5m or 0) + (usage.cache_write_1h or 0),
        },
        "output_tokens": output,
        "output_tokens_details": {"reasoning_tokens": usage.thinking or 0},
        "total_tokens": prompt + output,
    }
    return {**said, **extras.members} if extras and extras.dialect == NAME else said
