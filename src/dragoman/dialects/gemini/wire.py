"""Words of the Gemini wire that several files here need.

Source: ai.google.dev, API reference of `generateContent`, and the types of the vendor's SDK 3.3, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Raw

from dragoman.canon.events import Reason

NAME = "gemini"
NULL = Raw(b"null")

REASONS: Mapping[str, Reason] = {
    "STOP": "end",
    "MAX_TOKENS": "max_output",
    "CONTINUATION": "max_output",
    "SAFETY": "refusal",
    "RECITATION": "refusal",
    "PROHIBITED_CONTENT": "refusal",
    "BLOCKLIST": "refusal",
    "SPII": "refusal",
    "LANGUAGE": "refusal",
    "MODEL_ARMOR": "refusal",
    "ESCALATION": "refusal",
    "IMAGE_SAFETY": "refusal",
    "IMAGE_PROHIBITED_CONTENT": "refusal",
    "IMAGE_RECITATION": "refusal",
}
"""What ends an answer, with what it means; the first of each meaning is the one that is told to a client."""

FAILING: Mapping[str, str] = {
    "OTHER": "for a reason it did not tell",
    "FINISH_REASON_UNSPECIFIED": "for a reason it did not tell",
    "MALFORMED_FUNCTION_CALL": "since the model's tool call was malformed",
    "UNEXPECTED_TOOL_CALL": "since the model called a tool that it was not offered",
    "TOO_MANY_TOOL_CALLS": "since the model called the provider's own tools too often",
    "MALFORMED_RESPONSE": "since the model's answer was malformed",
    "IMAGE_OTHER": "since no picture could be made",
    "NO_IMAGE": "since no picture was made",
}
"""Reasons that say it broke off, with the words for people. Asking again often mends them (pitfall 124)."""

UNSIGNED = "MISSING_THOUGHT_SIGNATURE"
"""The request's history lacks a signature that the model demands; asking again does not mend it."""
BANNED = "PUP_LIMITED_DISABLED"
"""The account is limited or shut for breaking the vendor's policy of use."""

BLOCKS = frozenset({"SAFETY", "BLOCKLIST", "PROHIBITED_CONTENT", "IMAGE_SAFETY", "MODEL_ARMOR", "JAILBREAK"})
"""Reasons for which a prompt is refused; `OTHER` and what is not told are faults."""

WORDS: Mapping[Reason, str] = {
    "end": "STOP",
    "tool_calls": "STOP",
    "max_output": "MAX_TOKENS",
    "stop_sequence": "STOP",
    "refusal": "SAFETY",
    "pause": "MAX_TOKENS",
    "context_full": "MAX_TOKENS",
    "unknown": "OTHER",
}
"""What a client of this wire is told. A pause is an answer that is not complete, which only `MAX_TOKENS` says."""

IMAGE_TYPES = frozenset({"image/png", "image/jpeg", "image/webp", "image/heic", "image/heif"})
AUDIO_TYPES = frozenset(
    {"audio/wav", "audio/mp3", "audio/mpeg", "audio/aiff", "audio/aac", "audio/ogg", "audio/flac", "audio/m4a"}
)
OTHER_NAMES = {"image/jpg": "image/jpeg", "audio/x-wav": "audio/wav", "audio/wave": "audio/wav"}
"""Media types that say the same as one that the vendor knows."""

SERVER_PARTS = frozenset({"executableCode", "codeExecutionResult", "toolCall", "toolResponse"})
"""Members of a part that tell what the vendor's own tools did."""
GROUNDING = "groundingMetadata"
"""Member of a candidate that tells what was searched and found. Neutral kind of a part made of it."""

MADE_UP = "unnumbered_"
"""How ids begin that were made for calls which came without one; they are never sent back on this wire."""

EMPTY_OBJECT = Raw(b"{}")
