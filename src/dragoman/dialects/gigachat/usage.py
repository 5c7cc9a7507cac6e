"""Token counts of this wire, both ways.

`prompt_tokens` counts all of the prompt, cached or not: in the vendor's recorded answers the total is the sum of prompt
and completion, with a cached part within the prompt. Source: recordings of the SDK 0.2.3, read 2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from dragoman.canon.request import Extras
from dragoman.canon.usage import Usage, count
from dragoman.dialects.gigachat.wire import NAME, NULL

_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_READ = frozenset({"prompt_tokens", "completion_tokens", "total_tokens", "precached_prompt_tokens"})


def read_usage(raw: Raw) -> tuple[Usage, Extras | None]:
    """Counts and unknown members of a usage object; nothing said for anything that is not one."""
    try:
        members = _MEMBERS.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return Usage(), None
    counts = {name: count(msgspec.json.decode(members[name])) for name in _READ & members.keys()}
    prompt, cached = counts.get("prompt_tokens"), counts.get("precached_prompt_tokens")
    rest = {name: value for name, value in members.items() if name not in _READ and value != NULL}
    usage = Usage(
        input=None if prompt is None else max(prompt - (cached or 0), 0),
        cache_read=cached,
        output=counts.get("completion_tokens"),
    )
    return usage, Extras(NAME, rest) if rest else None


def write_usage(usage: Usage, extras: Extras | None = None) -> dict[str, object]:
    """The usage object of an answer."""
    prompt, output = usage.prompt, usage.output or 0
    said: dict[str, object] = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
    }
    if usage.cache_read is not None:
        said["precached_prompt_tokens"] = usage.cache_read
    if extras and extras.dialect == NAME:
        said |= extras.members
    return said
