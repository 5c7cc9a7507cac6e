"""Words of the Chat Completions wire that several files here need.

Source: platform.openai.com, Chat Completions reference, and the types of the official SDK 3.51, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Raw

from dragoman.canon.events import Reason

NAME = "openai_chat"
NULL = Raw(b"null")

REASONS: Mapping[str, Reason] = {
    "stop": "end",
    "end": "end",
    "eos": "end",
    "eos_token": "end",
    "end_turn": "end",
    "end_of_turn": "end",
    "complete": "end",
    "completed": "end",
    "finished": "end",
    "STOP": "end",
    "COMPLETE": "end",
    "tool_calls": "tool_calls",
    "tool_call": "tool_calls",
    "tool_use": "tool_calls",
    "function_call": "tool_calls",
    "function_calls": "tool_calls",
    "length": "max_output",
    "max_tokens": "max_output",
    "max_output_tokens": "max_output",
    "MAX_TOKENS": "max_output",
    "token_limit": "max_output",
    "model_length": "context_full",
    "context_length": "context_full",
    "context_length_exceeded": "context_full",
    "model_context_window_exceeded": "context_full",
    "stop_sequence": "stop_sequence",
    "content_filter": "refusal",
    "content_filtered": "refusal",
    "content-filter": "refusal",
    "refusal": "refusal",
    "safety": "refusal",
    "SAFETY": "refusal",
    "sensitive": "refusal",
    "guardrail_intervened": "refusal",
    "blacklist": "refusal",
    "BLOCKLIST": "refusal",
    "PROHIBITED_CONTENT": "refusal",
    "RECITATION": "refusal",
    "pause_turn": "pause",
}
"""What servers of this wire say at the end, with what it means; the first of each meaning is OpenAI's own word."""

FAILING_REASONS = frozenset(
    {
        "error",
        "network_error",
        "insufficient_system_resource",
        "abort",
        "aborted",
        "cancelled",
        "MALFORMED_FUNCTION_CALL",
    }
)
"""Reasons that say it broke off. `insufficient_system_resource` is DeepSeek's, `network_error` Zhipu's."""

WORDS: Mapping[Reason, str] = {
    "end": "stop",
    "tool_calls": "tool_calls",
    "max_output": "length",
    "stop_sequence": "stop",
    "refusal": "content_filter",
    "pause": "length",
    "context_full": "length",
    "unknown": "unknown",
}
"""What a client of this wire is told. A pause is an answer that is not complete, which only `length` says."""
