"""Words of the Responses wire that several files here need.

Source: platform.openai.com, Responses reference, and the types of the official SDK 3.51, read 2026-11-20; bodies of
Codex 0.169.0 and opencode 1.18.33, seen then.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from dragoman.canon.events import Reason
from dragoman.canon.request import Extras, Part

NAME = "openai_responses"
NULL = Raw(b"null")
EMPTY = Raw(b"[]")

NAMELESS = "#"
"""Begins the group of parts whose item had no id."""
COMPLETED = Raw(b'"completed"')
"""The status of an item that is worth no word: it is left out when read, and said where the wire demands one."""
SEALED = "reasoning.encrypted_content"
"""What `include` must name for reasoning to come sealed, so that a server that keeps nothing can be given it back."""

_LIST = msgspec.json.Decoder(list[Raw] | None)
_NOTHING: Mapping[str, Raw] = {}
RAW_THOUGHT = Raw(b'"reasoning_text"')
"""Marks thinking as the model's own words, as `type` among its extras."""
COMPACTION_TYPE = Raw(b'"compaction"')
COMPACTION = "compaction"
"""An item that stands for a conversation in a form that only its issuer can read."""
BOUND = ("previous_response_id", "conversation", "prompt")
"""Members that lean on what a server keeps."""
REFERENCE = "item_reference"
BOUND_ITEMS = frozenset({REFERENCE, COMPACTION, "compaction_trigger"})
"""Items that lean on it too, or that only this wire's servers can read or make."""

INCOMPLETE: Mapping[str, Reason] = {"max_output_tokens": "max_output", "content_filter": "refusal"}
"""What `incomplete_details.reason` means."""
TOLD_INCOMPLETE: Mapping[Reason, str] = {
    "max_output": "max_output_tokens",
    "context_full": "max_output_tokens",
    "pause": "max_output_tokens",
    "refusal": "content_filter",
}
"""Reasons for which a client of this wire is told that an answer is incomplete. A pause has no word of its own."""

OF_THE_USER = frozenset({"mcp_approval_response", "compaction_trigger", "additional_tools", "configuration_update"})
"""Items that are not the model's, beside all whose type ends in `_output`."""


def own(extras: Extras | None) -> Mapping[str, Raw]:
    """The members of extras of this wire; none of any other."""
    return extras.members if extras is not None and extras.dialect == NAME else _NOTHING


def is_raw_thought(part: Part) -> bool:
    """Whether thinking is the model's own words, where a summary is usual."""
    return own(part.extras).get("type") == RAW_THOUGHT


def is_compaction(part: Part) -> bool:
    """Whether thinking stands for a whole conversation."""
    return own(part.extras).get("type") == COMPACTION_TYPE


def elements(raw: Raw) -> list[Raw]:
    """The elements of a list; none of anything else."""
    try:
        return _LIST.decode(raw) or []
    except (msgspec.DecodeError, RecursionError):
        return []
