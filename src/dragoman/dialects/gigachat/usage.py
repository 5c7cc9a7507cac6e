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
_NAMES = {"prompt": "prompt_tokens", "cached": "precached_prompt_tokens", "output": "completion_tokens"}
_READ = frozenset(
    {*_NAMES.values(), "total_tokens"} | {"input_tokens", "input_tokens_details", "output_tokens"}  # version 2
)


def read_usage(raw: Raw) -> tuple[Usage, Extras | None]:
    """Counts and unknown members of a usage object; nothing said for anything that is not one."""
    try:
        members = _MEMBERS.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return Usage(), None
    counts = _counts({name: msgspec.json.decode(members[name]) for name in _READ & members.keys()})
    prompt, cached = counts.get("prompt"), counts.get("cached")
    rest = {name: value for name, value in members.items() if name not in _READ and value != NULL}
    usage = Usage(
        input=None if prompt is None else max(prompt - (cached or 0), 0),
        cache_read=cached,
        output=counts.get("output"),
    )
    return usage, Extras(NAME, rest) if rest else None


def _counts(told: dict[str, object]) -> dict[str, int | None]:
    """The counts by what they are of, whichever version told them."""
    if "input_tokens" not in told and "input_tokens_details" not in told:
        return {of: count(told.get(name)) for of, name in _NAMES.items()}
    details = told.get("input_tokens_details")
    inner: dict[str, object] = details if isinstance(details, dict) else {}
    prompt = count(told.get("input_tokens", inner.get("prompt_tokens")))
    return {"prompt": prompt, "cached": count(inner.get("cached_tokens")), "output": count(told.get("output_tokens"))}


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
