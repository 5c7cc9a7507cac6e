"""The stand-in refuses in Responses what the published schema refuses, and nothing that it takes."""

from __future__ import annotations

from typing import Any

import pytest

from tests.standin import Rules, Signer
from tests.standin.check_responses import check_responses
from tests.standin.published import type_problems
from tests.standin.voice import Refused

Json = dict[str, Any]

PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
USER = {"role": "user", "content": "hello"}
TOOL = {"type": "function", "name": "Read", "description": "Reads", "parameters": SCHEMA, "strict": False}
PATCH = {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}}
AGENTS = {"type": "namespace", "name": "agents", "description": "d", "tools": [TOOL]}
CALL = {"type": "function_call", "id": "fc_1", "call_id": "call_1", "name": "Read", "arguments": '{"path": "a"}'}
TOLD = {"type": "function_call_output", "call_id": "call_1", "output": "text"}
PATCHED = {"type": "custom_tool_call", "call_id": "call_2", "name": "apply_patch", "input": "*** Begin Patch"}
SAID = {
    "type": "message",
    "id": "msg_1",
    "role": "assistant",
    "status": "completed",
    "content": [{"type": "output_text", "text": "x", "annotations": []}],
}
SUMMARY = {"summary": [{"type": "summary_text", "text": "thought"}]}
THOUGHT = {"type": "reasoning", "id": "rs_1", "encrypted_content": Signer().hide("thought"), **SUMMARY}
FORGED = {"type": "reasoning", "id": "rs_1", "encrypted_content": "gAAAA", **SUMMARY}


def content(*parts: Json, role: str = "user") -> Json:
    return {"input": [{"role": role, "content": list(parts)}]}


GOOD: dict[str, Json] = {
    "plain": {"input": "hello"},
    "easy": {"input": [USER, {"role": "developer", "content": "d"}, {"role": "assistant", "content": "x"}]},
    "instructions": {"input": [USER], "instructions": "Be brief."},
    "history": {"input": [USER, THOUGHT, SAID, CALL, TOLD], "tools": [TOOL], "store": False},
    "media": content(
        {"type": "input_text", "text": "what is it?"},
        {"type": "input_image", "image_url": f"data:image/png;base64,{PNG}", "detail": "low"},
        {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PNG}"},
        {"type": "input_file", "file_url": "https://example.com/a.pdf"},
    ),
    "a picture as result": {
        "input": [USER, CALL, TOLD | {"output": [{"type": "input_image", "image_url": "https://example.com/a.png"}]}]
    },
    "free text": {
        "input": [USER, PATCHED, {"type": "custom_tool_call_output", "call_id": "call_2", "output": "ok"}],
        "tools": [PATCH, AGENTS, {"type": "tool_search", "execution": "client"}, {"type": "web_search"}],
        "tool_choice": {"type": "custom", "name": "apply_patch"},
    },
    "forced": {"input": [USER], "tools": [TOOL], "tool_choice": {"type": "function", "name": "Read"}},
    "hosted": {"input": [USER], "tools": [{"type": "web_search"}], "tool_choice": {"type": "web_search_preview"}},
    "on": {"input": [TOLD], "previous_response_id": "resp_standin1"},
    "settings": {
        "input": [USER],
        "max_output_tokens": 16,
        "temperature": 2,
        "top_p": 1,
        "metadata": {"a": "b"},
        "include": ["reasoning.encrypted_content"],
        "reasoning": {"effort": "high", "summary": "auto"},
        "text": {"verbosity": "low", "format": {"type": "json_schema", "name": "x", "schema": SCHEMA}},
        "prompt_cache_key": "k",
        "parallel_tool_calls": False,
        "truncation": "auto",
        "service_tier": "flex",
        "stream": True,
        "stream_options": {"include_obfuscation": False},
    },
}

BAD: dict[str, tuple[Json, str]] = {
    "no input": ({}, "Missing required parameter: 'input'"),
    "chat's messages": ({"input": [USER], "messages": [USER]}, "Unknown parameter: 'messages'"),
    "chat's limit": ({"input": [USER], "max_tokens": 5}, "Unknown parameter"),
    "stops": ({"input": [USER], "stop": ["a"]}, "Unknown parameter"),
    "a small limit": ({"input": [USER], "max_output_tokens": 1}, "Expected a value >= 16"),
    "unknown effort": ({"input": [USER], "reasoning": {"effort": "huge"}}, "Supported values"),
    "unknown include": ({"input": [USER], "include": ["everything"]}, "Invalid value"),
    "options without a stream": ({"input": [USER], "stream_options": {}}, "only allowed when 'stream'"),
    "chat's tool": ({"input": [USER], "tools": [{"type": "function", "function": TOOL}]}, "Unknown parameter"),
    "chat's shape": (
        {"input": [USER], "text": {"format": {"type": "json_schema", "json_schema": {}}}},
        "Unknown parameter",
    ),
    "chat's choice": (
        {"input": [USER], "tools": [TOOL], "tool_choice": {"type": "function", "function": {"name": "Read"}}},
        "Unknown parameter",
    ),
    "a choice of another tool": (
        {"input": [USER], "tools": [TOOL], "tool_choice": {"type": "function", "name": "Write"}},
        "not found in 'tools'",
    ),
    "a tool twice": ({"input": [USER], "tools": [TOOL, TOOL]}, "Duplicate tool names"),
    "a name with a dot": ({"input": [USER], "tools": [TOOL | {"name": "a.b"}]}, "does not match pattern"),
    "strict and open": ({"input": [USER], "tools": [TOOL | {"strict": True}]}, "additionalProperties"),
    "unknown item": ({"input": [{"type": "thinking"}]}, "Invalid value: 'thinking'"),
    "chat's role": ({"input": [{"role": "tool", "content": "x"}]}, "Invalid value: 'tool'"),
    "chat's part": (content({"type": "text", "text": "x"}), "Invalid value: 'text'"),
    "input from the assistant": (content({"type": "input_text", "text": "x"}, role="assistant"), "'output_text'"),
    "a part's unknown member": (content({"type": "input_text", "text": "x", "cache_control": {}}), "Unknown parameter"),
    "a bad picture": (content({"type": "input_image", "image_url": "file:///x"}), "Expected a valid URL"),
    "a picture as object": (content({"type": "input_image", "image_url": {"url": "https://x"}}), "valid URL"),
    "an output alone": ({"input": [USER, TOLD]}, "No tool call found for function call output"),
    "a call alone": ({"input": [USER, CALL]}, "No tool output found for function call call_1"),
    "an output of another form": (
        {"input": [USER, PATCHED, TOLD | {"call_id": "call_2"}]},
        "No tool call found for function call output",
    ),
    "arguments as object": ({"input": [USER, CALL | {"arguments": {}}, TOLD]}, "expected a string"),
    "chat's id": ({"input": [USER, CALL | {"id": "call_1"}, TOLD]}, "begins with 'fc'"),
    "a long id": ({"input": [USER, CALL | {"id": "fc_" + "x" * 62}, TOLD]}, "string too long"),
    "forged reasoning": ({"input": [USER, FORGED, SAID]}, "could not be verified"),
    "reasoning that is not kept": (
        {"input": [USER, {"type": "reasoning", "id": "rs_1", **SUMMARY}, SAID], "store": False},
        "not found",
    ),
    "reasoning alone": ({"input": [USER, THOUGHT, USER]}, "without its required following item"),
    "an unknown answer": ({"input": [USER], "previous_response_id": "resp_1"}, "not found"),
    "an unknown item's name": ({"input": [{"type": "item_reference", "id": "msg_1"}]}, "not found"),
}


@pytest.mark.parametrize("name", GOOD)
def test_it_takes_what_is_published(name: str) -> None:
    body = {"model": "gpt-standin", **GOOD[name]}

    check_responses(body, Rules(), Signer())

    assert type_problems("openai_responses", body) == []


@pytest.mark.parametrize("name", BAD)
def test_it_refuses(name: str) -> None:
    members, words = BAD[name]
    with pytest.raises(Refused) as found:
        check_responses({"model": "gpt-standin", **members}, Rules(), Signer())

    assert words in found.value.message


def test_reasoning_models_take_no_sampling_and_older_ones_no_effort() -> None:
    for body in (
        {"model": "gpt-5.5", "input": "x", "temperature": 0.5},
        {"model": "gpt-4o", "input": "x", "reasoning": {"effort": "low"}},
        {"model": "gpt-4o", "input": "x", "include": ["reasoning.encrypted_content"]},
    ):
        with pytest.raises(Refused, match="not supported with this model"):
            check_responses(body, Rules(), Signer())
