"""What a vendor refuses, beyond what its dialect's published schema refuses, and what it lets pass."""

from __future__ import annotations

import re

from msgspec import Struct


class Rules(Struct, frozen=True, kw_only=True):
    """One vendor's strictness; the defaults are those of the dialect's own vendor."""

    strict: bool = True
    """False: nothing is checked but JSON, model and messages."""
    allow: frozenset[str] = frozenset()
    """Members let pass that the published schema does not know: `top_k`, or `messages.reasoning_content` for one within
    messages."""
    refuse: frozenset[str] = frozenset()
    """Top-level members refused although the schema knows them, such as `stream_options`. Gemini: members of calls,
    results and declarations, as `parametersJsonSchema`, and `mixed_tools`."""
    echo_reasoning: bool = False
    """Chat: an assistant message with tool calls must carry `reasoning_content`, as DeepSeek and Moonshot demand."""
    system_first: bool = False
    """Chat: one system message, and only as the first, as strict chat templates demand."""
    alternate: bool = False
    """Chat: user and assistant must take turns, as strict chat templates demand."""
    simultaneous: int = 0
    """GigaChat: answers at a time, more are refused with 429; 0: any number."""
    tool_tokens: int = 0
    """GigaChat: tokens that the functions may take, more are refused with 413; 0: any number."""


def words(text: str) -> frozenset[str]:
    """The words of a text, as a set of names."""
    return frozenset(re.findall(r"\w+", text))
