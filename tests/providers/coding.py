"""A turn of a coding agent as Claude Code 2.1.328 sends it, in small; the scenes of the provider rows play it."""

from __future__ import annotations

import json
from typing import Any

from dragoman.canon.request import Seal
from dragoman.canon.seal import wrap

Json = dict[str, Any]

ACCOUNT = "ours"
"""The channel that did the earlier thinking."""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNkYPhfDwAChwGA60e6kgAAAABJRU5ErkJggg=="
MARK = {"type": "ephemeral"}
SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {"command": {"type": "string"}, "timeout": {"type": "number", "exclusiveMinimum": 0}},
    "required": ["command"],
    "additionalProperties": False,
}
TURN: Json = {
    "model": "claude-opus-5-5",
    "messages": [
        {"role": "user", "content": [{"type": "text", "text": "Look at the picture."}]},
        {"role": "system", "content": "Today is Friday."},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "I should read it.", "signature": wrap(Seal(ACCOUNT, ""))},
                {"type": "text", "text": "I look."},
                {"type": "tool_use", "id": "toolu_01", "name": "Read", "input": {"command": "x.png"}},
            ],
        },
        {
            "role": "user",
            "content": [
                {
                    "type": "tool_result",
                    "tool_use_id": "toolu_01",
                    "content": [
                        {"type": "text", "text": "1 × 1"},
                        {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PIXEL}},
                    ],
                },
                {"type": "text", "text": "And?", "cache_control": MARK},
            ],
        },
    ],
    "system": [
        {"type": "text", "text": "x-anthropic-billing-header: cc_version=2.1.328.26a; cc_entrypoint=sdk-cli;"},
        {"type": "text", "text": "You are Claude Code.", "cache_control": MARK},
        {"type": "text", "text": "Work with care.", "cache_control": MARK},
    ],
    "tools": [
        {"name": "Bash", "description": "Runs a command.", "input_schema": SCHEMA},
        {"name": "Read", "description": "Reads a file.", "input_schema": SCHEMA},
    ],
    "metadata": {"user_id": json.dumps({"device_id": "ab" * 32, "account_uuid": "", "session_id": "5c1e"})},
    "max_tokens": 128000,
    "thinking": {"type": "adaptive", "display": "updates"},
    "context_management": {"edits": [{"type": "clear_thinking_20251015", "keep": "all"}]},
    "safeguards": [{"type": "dangerous_tool_use", "classifier_context": {"cwd": "/home/someone"}}],
    "output_config": {"effort": "high"},
    "stop_sequences": ["END", "STOP", "HALT", "FIN", "QUIT", "DONE"],
    "stream": True,
}
"""Thinking adaptive, effort high, five more stop sequences than some take, and every member that others lack."""


def turn(signature: str = "", **changes: Any) -> bytes:
    """The turn with these members in place of its own; None takes one away. `signature` is that of its thinking."""
    said = {name: value for name, value in (TURN | changes).items() if value is not None}
    unsigned = json.dumps(wrap(Seal(ACCOUNT, "")))
    return json.dumps(said).replace(unsigned, json.dumps(wrap(Seal(ACCOUNT, signature)))).encode()
