"""Token counts of this wire, both ways.

`promptTokenCount` counts the cached tokens too; `candidatesTokenCount` does not count thinking; what the vendor's own
tools put into the prompt is counted apart. Source: SDK 3.3, `GenerateContentResponseUsageMetadata`, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from dragoman.canon.request import Extras
from dragoman.canon.usage import Usage, count
from dragoman.dialects.gemini.casing import spelled
from dragoman.dialects.gemini.wire import NAME, NULL
from dragoman.dialects.take import Members, first_byte

_ANY = msgspec.json.Decoder()
BY_TOOLS = "toolUsePromptTokenCount"
_READ = frozenset(
    {"promptTokenCount", "cachedContentTokenCount", "candidatesTokenCount", "thoughtsTokenCount", "totalTokenCount"}
)


def read_usage(members: Members) -> tuple[Usage, Extras | None]:
    """The counts, disjoint, and what else is said of them."""
    left = spelled(members).rest(NAME)
    found = left.members if left else {}
    prompt, cached = _counted(found, "promptTokenCount"), _counted(found, "cachedContentTokenCount")
    answer, thinking = _counted(found, "candidatesTokenCount"), _counted(found, "thoughtsTokenCount")
    by_tools = _counted(found, BY_TOOLS)
    usage = Usage(
        input=None if prompt is None else max(prompt - (cached or 0), 0) + (by_tools or 0),
        cache_read=cached,
        output=None if answer is None and thinking is None else (answer or 0) + (thinking or 0),
        thinking=thinking,
        input_audio=_of_medium(found, "promptTokensDetails", "AUDIO"),
        input_image=_of_medium(found, "promptTokensDetails", "IMAGE"),
        output_audio=_of_medium(found, "candidatesTokensDetails", "AUDIO"),
        output_image=_of_medium(found, "candidatesTokensDetails", "IMAGE"),
    )
    rest = {name: value for name, value in found.items() if name not in _READ and value != NULL}
    return usage, Extras(NAME, rest) if rest else None


def _counted(found: Mapping[str, Raw], name: str) -> int | None:
    raw = found.get(name)
    return count(_ANY.decode(raw)) if raw is not None and first_byte(raw).isdigit() else None


def _of_medium(found: Mapping[str, Raw], name: str, medium: str) -> int | None:
    """Tokens of one modality; None where they are not told apart."""
    if name not in found:
        return None
    try:
        details = _DETAILS.decode(found[name])
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return sum(count(one.tokenCount) or 0 for one in details if one.modality == medium) or None


class _Detail(msgspec.Struct):
    """One of `promptTokensDetails` or `candidatesTokensDetails`."""

    modality: str = ""
    tokenCount: object = None  # noqa: N815 - the wire's name


_DETAILS = msgspec.json.Decoder(tuple[_Detail, ...])


def write_usage(usage: Usage, extras: Extras | None = None) -> dict[str, object]:
    """The `usageMetadata` of an answer."""
    own: dict[str, Raw] = extras.members if extras and extras.dialect == NAME else {}
    by_tools = _counted(own, BY_TOOLS) or 0
    output, thinking = usage.output or 0, usage.thinking or 0
    said: dict[str, object] = {
        "promptTokenCount": max(usage.prompt - by_tools, 0),
        "candidatesTokenCount": max(output - thinking, 0),
        "totalTokenCount": usage.prompt + output,
    }
    if usage.cache_read is not None:
        said["cachedContentTokenCount"] = usage.cache_read
    if usage.thinking is not None:
        said["thoughtsTokenCount"] = thinking
    return said | own
