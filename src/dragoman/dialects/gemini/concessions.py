"""What a server of this wire may be spared where it refuses it: older releases and servers that only speak alike.

Source: refusals of Google AI Studio and Vertex AI that users report ("Unknown name", "Cannot find field"), read
2026-11-20.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

SCHEMAS = "functionDeclarations"
CALL_IDS = "functionCall.id"
RESULT_MEDIA = "functionResponse.parts"
MIXED_TOOLS = "tools"

CONCESSIONS: Mapping[str, Mapping[str, object]] = {
    SCHEMAS: {"json_schema": False},
    CALL_IDS: {"call_ids": False},
    RESULT_MEDIA: {"result_media": False},
    MIXED_TOOLS: {"mixed_tools": False},
}
"""Habits that may mend a refusal, by the member that was refused."""

_REFUSALS = (
    (
        CALL_IDS,
        r"""unknown name ["']id["'] at .*function_?(?:call|response)""",
    ),
    (
        RESULT_MEDIA,
        r"""unknown name ["']parts["'] at .*function_?response|"""
        r"multimodal function responses? (?:is|are) not supported",
    ),
    (
        MIXED_TOOLS,
        r"""tools? and function calling cannot be combined|unknown name ["']include_?server|"""
        r"tool use with function calling is unsupported|multiple tools are supported only",
    ),
    (
        SCHEMAS,
        r"""(?:parameters|response)_?json_?schema|function_?declarations?\b.{0,200}\b(?:schema|parameters|propert)|"""
        r"schema.{0,80}(?:not supported|unsupported|too many states|is invalid)|unsupported schema",
    ),
)
_PATTERNS = tuple((member, re.compile(pattern, re.IGNORECASE | re.DOTALL)) for member, pattern in _REFUSALS)


def refused_member(words: str) -> str | None:
    """The member that a refusal is about, if it is one that may be said otherwise."""
    return next((member for member, pattern in _PATTERNS if pattern.search(words)), None)
