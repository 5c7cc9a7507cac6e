"""Token counts of this wire, both ways.

`prompt_tokens` counts all of the prompt, cached or not; `completion_tokens` counts thinking too, but for servers whose
total shows that they count it beside (xAI). Source: Chat Completions reference; api-docs.deepseek.com (hit and miss
tokens); platform.moonshot.ai (`cached_tokens`); docs.x.ai; all read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from dragoman.canon.request import Extras
from dragoman.canon.usage import Usage, count
from dragoman.dialects.openai_chat.wire import NAME, NULL

_OBJECT = msgspec.json.Decoder(dict[str, object])
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])
_READ = frozenset(
    {
        *("prompt_tokens", "completion_tokens", "total_tokens", "prompt_tokens_details", "completion_tokens_details"),
        *("prompt_cache_hit_tokens", "prompt_cache_miss_tokens", "cached_tokens", "reasoning_tokens"),
        *("cache_read_input_tokens", "cache_creation_input_tokens"),
    }
)


def read_usage(raw: Raw) -> tuple[Usage, Extras | None]:
    """Counts and unknown members of a usage object; nothing said for anything that is not one."""
    try:
        found = _OBJECT.decode(raw)
        members = {} if found.keys() <= _READ else _MEMBERS.decode(raw)
    except (msgspec.DecodeError, RecursionError):
        return Usage(), None
    prompt, written = _details(found, "prompt_tokens_details"), _details(found, "completion_tokens_details")
    total_prompt = count(found.get("prompt_tokens")) or None
    read = _first(
        prompt.get("cached_tokens"),
        found.get("prompt_cache_hit_tokens"),
        found.get("cached_tokens"),
        found.get("cache_read_input_tokens"),
    )
    stored = _first(prompt.get("cache_write_tokens"), found.get("cache_creation_input_tokens"))
    output = count(found.get("completion_tokens"))
    thinking = _first(written.get("reasoning_tokens"), found.get("reasoning_tokens"))
    if output is not None and thinking and count(found.get("total_tokens")) == (total_prompt or 0) + output + thinking:
        output += thinking
    rest = {name: value for name, value in members.items() if name not in _READ and value != NULL}
    usage = Usage(
        input=None if total_prompt is None else max(total_prompt - (read or 0) - (stored or 0), 0),
        cache_read=read,
        cache_write_5m=stored,
        output=output,
        thinking=thinking,
        input_audio=count(prompt.get("audio_tokens")) or None,
        output_audio=count(written.get("audio_tokens")) or None,
    )
    return usage, Extras(NAME, rest) if rest else None


def _details(found: Mapping[str, object], name: str) -> Mapping[str, object]:
    details = found.get(name)
    return details if isinstance(details, dict) else {}


def _first(*values: object) -> int | None:
    """The first count among values that is more than zero, else a zero if there is one."""
    counts = [each for value in values if value is not None and (each := count(value)) is not None]
    return next((each for each in counts if each), counts[0] if counts else None)


def write_usage(usage: Usage, extras: Extras | None = None) -> dict[str, object]:
    """The usage object of an answer."""
    prompt, output = usage.prompt, usage.output or 0
    said: dict[str, object] = {
        "prompt_tokens": prompt,
        "completion_tokens": output,
        "total_tokens": prompt + output,
    }
    stored = (usage.cache_write_5m or 0) + (usage.cache_write_1h or 0)
    details = {"cached_tokens": usage.cache_read, "cache_write_tokens": stored or None}
    if any(value is not None for value in details.values()):
        said["prompt_tokens_details"] = {name: value for name, value in details.items() if value is not None}
    if usage.thinking is not None:
        said["completion_tokens_details"] = {"reasoning_tokens": usage.thinking}
    if extras and extras.dialect == NAME:
        said |= extras.members
    return said
