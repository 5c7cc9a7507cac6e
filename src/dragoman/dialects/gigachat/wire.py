"""Words of GigaChat's chat API that several files here need.

Source: developers.sber.ru, GigaChat API reference (POST /chat/completions, functions, errors), and the models and
recorded answers of the official SDK 0.2.3, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from msgspec import Raw

from dragoman.canon.events import Reason
from dragoman.canon.schema import SchemaRules
from dragoman.dialects.pairs import Slot

Message = dict[str, object]
"""A JSON object that is being made."""
NAME = "gigachat"
NULL = Raw(b"null")
STATE = "functions_state_id"
"""Names the state of the model's functions; it comes with an answer and goes back with the history."""

REASONS: Mapping[str, Reason] = {
    "stop": "end",
    "function_call": "tool_calls",
    "length": "max_output",
    "blacklist": "refusal",
}
"""What the vendor says at the end, with what it means. `error` is no end: the model wrote no valid arguments."""
BROKEN = "error"
WORDS: Mapping[Reason, str] = {
    "end": "stop",
    "tool_calls": "function_call",
    "max_output": "length",
    "stop_sequence": "stop",
    "refusal": "blacklist",
    "pause": "length",
    "context_full": "length",
    "unknown": "unknown",
}
"""What a client of this wire is told. A pause is an answer that is not complete, which only `length` says."""

BUILT_IN = frozenset(
    {"web_search", "text2image", "text2model3d", "get_file_content"}
    | {"url_content_extraction", "code_interpreter", "image_generate", "model_3d_generate", "get_datetime", "memory"}
)
"""Functions that the vendor runs, the latter in version 2; a client's of such a name would be taken for them."""

EFFORTS: Mapping[str, str] = {
    "none": "low",
    "minimal": "low",
    "low": "low",
    "medium": "medium",
    "high": "high",
    "xhigh": "high",
    "max": "high",
}
"""Words of effort, with the nearest that version 1 has."""


class Version(NamedTuple):
    """What one version of the chat API can be asked that the other cannot."""

    efforts: Mapping[str, str]
    """Words of effort, each with the one that this version knows for it."""
    hosted: tuple[tuple[str, str], ...] = ()
    """Tools that other vendors run, by the beginning of their kind, and this vendor's own that do the like."""
    any_call: bool = False
    """Whether any one of several functions can be demanded."""
    echo: str = ""
    """Member in which the vendor's own thinking goes back to it, unless its row says another; empty: in none."""
    joined: Callable[[list[Message], Sequence[Slot]], list[Message]] | None = None
    """Makes one message of calls and one of results out of pairs of call and result; None: a message holds one call."""


V1 = Version(EFFORTS)

PLAIN = SchemaRules(
    keywords=frozenset({"type", "description", "properties", "required", "items", "enum", "format"}),
    types="one",
    enum_types=frozenset({"string"}),
    formats={"string": frozenset({"date", "date-time", "time"})},
    typed=True,
    property_characters="A-Za-z0-9_.-",
    property_limit=64,
)
"""What every model takes of JSON Schema: the members of the SDK's own function types. Newer ones take all of it."""
