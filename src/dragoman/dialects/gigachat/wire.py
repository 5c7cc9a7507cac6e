"""Words of GigaChat's chat API, version 1, that several files here need.

Source: developers.sber.ru, GigaChat API reference (POST /chat/completions, functions, errors), and the models and
recorded answers of the official SDK 0.2.3, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Raw

from dragoman.canon.events import Reason
from dragoman.canon.schema import SchemaRules

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

BUILT_IN = frozenset({"web_search", "text2image", "text2model3d", "get_file_content"})
"""Functions that the vendor runs; a client's function of such a name would be taken for them."""

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
