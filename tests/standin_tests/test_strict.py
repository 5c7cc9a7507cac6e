"""The stand-in refuses what the published schemas refuse, and nothing that they take."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from tests.standin import Rules, Signer
from tests.standin.check_anthropic import check_anthropic
from tests.standin.check_chat import check_chat
from tests.standin.published import type_problems
from tests.standin.voice import Refused

Json = dict[str, Any]

USER = {"role": "user", "content": "hello"}
PNG = "iVBORw0KGgo="
SCHEMA = {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]}
CLOSED = SCHEMA | {"additionalProperties": False}

CHAT_TOOL = {"type": "function", "function": {"name": "Read", "description": "Reads", "parameters": SCHEMA}}
CHAT_CALL = {"id": "call_1", "type": "function", "function": {"name": "Read", "arguments": '{"path": "a"}'}}
CHAT_ASKED = {"role": "assistant", "content": None, "tool_calls": [CHAT_CALL]}
CHAT_TOLD = {"role": "tool", "tool_call_id": "call_1", "content": "text"}
CHAT: Json = {"model": "gpt-4o", "messages": [USER]}

GOOD_CHAT: dict[str, Json] = {
    "plain": {},
    "tools": {"tools": [CHAT_TOOL], "tool_choice": "auto", "parallel_tool_calls": False},
    "forced": {"tools": [CHAT_TOOL], "tool_choice": {"type": "function", "function": {"name": "Read"}}},
    "history": {"messages": [USER, CHAT_ASKED, CHAT_TOLD, USER]},
    "empty text beside calls": {"messages": [USER, CHAT_ASKED | {"content": ""}, CHAT_TOLD]},
    "stream": {"stream": True, "stream_options": {"include_usage": True}},
    "image": {
        "messages": [
            {
                "role": "user",
                "content": [
                    {"type": "text", "text": "what is it?"},
                    {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PNG}", "detail": "low"}},
                    {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PNG}"}},
                ],
            }
        ]
    },
    "system and developer": {
        "messages": [{"role": "system", "content": "s"}, {"role": "developer", "content": "d"}, USER]
    },
    "system late": {"messages": [USER, {"role": "system", "content": [{"type": "text", "text": "s"}]}]},
    "shape": {
        "response_format": {"type": "json_schema", "json_schema": {"name": "x", "schema": CLOSED, "strict": True}}
    },
    "settings": {
        "temperature": 2,
        "top_p": 1,
        "stop": ["a", "b", "c", "d"],
        "max_completion_tokens": 10,
        "reasoning_effort": "high",
        "metadata": {"a": "b"},
        "user": "u",
        "service_tier": "auto",
    },
}

BAD_CHAT: dict[str, Json] = {
    "no messages": {"messages": []},
    "unknown member": {"top_k": 5},
    "thinking": {"thinking": {"type": "enabled"}},
    "cache mark": {"messages": [{"role": "user", "content": [{"type": "text", "text": "x", "cache_control": {}}]}]},
    "reasoning in history": {"messages": [USER, {"role": "assistant", "content": "x", "reasoning_content": "y"}]},
    "unknown role": {"messages": [{"role": "purple", "content": "x"}]},
    "tool message alone": {"messages": [USER, CHAT_TOLD]},
    "unanswered call": {"messages": [USER, CHAT_ASKED, USER]},
    "unanswered last call": {"messages": [USER, CHAT_ASKED]},
    "text between call and result": {"messages": [USER, CHAT_ASKED, USER, CHAT_TOLD]},
    "result for another call": {"messages": [USER, CHAT_ASKED, CHAT_TOLD | {"tool_call_id": "call_2"}]},
    "two results for one call": {"messages": [USER, CHAT_ASKED, CHAT_TOLD, CHAT_TOLD]},
    "two calls of one id": {"messages": [USER, CHAT_ASKED | {"tool_calls": [CHAT_CALL, CHAT_CALL]}, CHAT_TOLD]},
    "arguments as object": {
        "messages": [
            USER,
            CHAT_ASKED | {"tool_calls": [CHAT_CALL | {"function": {"name": "Read", "arguments": {}}}]},
            CHAT_TOLD,
        ]
    },
    "long id": {
        "messages": [
            USER,
            CHAT_ASKED | {"tool_calls": [CHAT_CALL | {"id": "c" * 41}]},
            CHAT_TOLD | {"tool_call_id": "c" * 41},
        ]
    },
    "no calls": {"messages": [USER, {"role": "assistant", "content": "x", "tool_calls": []}]},
    "silent assistant": {"messages": [USER, {"role": "assistant", "content": None}, USER]},
    "empty assistant": {"messages": [USER, {"role": "assistant", "content": ""}, USER]},
    "null user": {"messages": [{"role": "user", "content": None}]},
    "empty parts": {"messages": [{"role": "user", "content": []}]},
    "image from assistant": {
        "messages": [USER, {"role": "assistant", "content": [{"type": "image_url", "image_url": {"url": "http://x"}}]}]
    },
    "image in tool message": {
        "messages": [
            USER,
            CHAT_ASKED,
            CHAT_TOLD | {"content": [{"type": "image_url", "image_url": {"url": "http://x"}}]},
        ]
    },
    "bad image": {
        "messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "file:///x"}}]}]
    },
    "no tools": {"tools": []},
    "choice without tools": {"tool_choice": "auto"},
    "parallel without tools": {"parallel_tool_calls": True},
    "choice any": {"tools": [CHAT_TOOL], "tool_choice": "any"},
    "choice of another tool": {
        "tools": [CHAT_TOOL],
        "tool_choice": {"type": "function", "function": {"name": "Write"}},
    },
    "tool name long": {"tools": [{"type": "function", "function": {"name": "n" * 65}}]},
    "tool name odd": {"tools": [{"type": "function", "function": {"name": "mcp.read"}}]},
    "tool twice": {"tools": [CHAT_TOOL, CHAT_TOOL]},
    "tool of anthropic": {"tools": [{"name": "Read", "input_schema": SCHEMA}]},
    "tool schema not object": {
        "tools": [{"type": "function", "function": {"name": "a", "parameters": {"type": "array"}}}]
    },
    "strict tool with open schema": {
        "tools": [{"type": "function", "function": {"name": "a", "parameters": SCHEMA, "strict": True}}]
    },
    "five stops": {"stop": ["a", "b", "c", "d", "e"]},
    "hot": {"temperature": 2.1},
    "both limits": {"max_tokens": 1, "max_completion_tokens": 1},
    "no output": {"max_tokens": 0},
    "stream options alone": {"stream_options": {"include_usage": True}},
    "format without schema": {"response_format": {"type": "json_schema"}},
    "format json unasked": {"response_format": {"type": "json_object"}},
    "user long": {"user": "u" * 129},
    "old limit on a reasoning model": {"model": "gpt-5", "max_tokens": 10},
    "temperature on a reasoning model": {"model": "o3-mini", "temperature": 0.5},
}

SIGNER = Signer("vendor")
THOUGHT = {"type": "thinking", "thinking": "hm", "signature": SIGNER.sign("hm")}
HIDDEN = {"type": "redacted_thinking", "data": SIGNER.hide("hm")}
USE = {"type": "tool_use", "id": "toolu_1", "name": "Read", "input": {}}
RESULT = {"type": "tool_result", "tool_use_id": "toolu_1", "content": "text"}
TEXT = {"type": "text", "text": "hello"}
TOOL = {"name": "Read", "description": "Reads", "input_schema": SCHEMA}
MARK = {"cache_control": {"type": "ephemeral"}}
ANTHROPIC: Json = {"model": "claude-sonnet-4-5", "max_tokens": 2048, "messages": [USER]}


def turns(*contents: Any) -> Json:
    """Messages of user and assistant in turn."""
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[place % 2], "content": content} for place, content in enumerate(contents)]}


GOOD_ANTHROPIC: dict[str, Json] = {
    "plain": {},
    "tools": {"tools": [TOOL | MARK], "tool_choice": {"type": "any", "disable_parallel_tool_use": True}},
    "history": turns("a", [THOUGHT, TEXT, USE], [RESULT, TEXT]),
    "hidden thinking": turns("a", [HIDDEN, TEXT], "b"),
    "thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}, **turns("a", [THOUGHT, USE], [RESULT])},
    "adaptive": {"thinking": {"type": "adaptive"}, "output_config": {"effort": "high"}, **turns("a", [USE], [RESULT])},
    "two user messages": {"messages": [USER, USER]},
    "result and text in two messages": {
        "messages": [USER, {"role": "assistant", "content": [USE]}, {"role": "user", "content": [RESULT]}, USER]
    },
    "system after user": {
        "messages": [USER, {"role": "system", "content": "s"}, {"role": "assistant", "content": "a"}, USER]
    },
    "prefill": turns("a", "b"),
    "empty last assistant": turns("a", ""),
    "system blocks": {"system": [TEXT, TEXT | MARK]},
    "image": turns([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": PNG}}, TEXT]),
    "picture in result": turns(
        "a",
        [USE],
        [RESULT | {"content": [TEXT, {"type": "image", "source": {"type": "url", "url": "https://x/y.png"}}]}],
    ),
    "empty result": turns("a", [USE], [{"type": "tool_result", "tool_use_id": "toolu_1"}]),
    "sampling": {"temperature": 0.5, "top_p": 0.9, "top_k": 5},
    "settings": {"stop_sequences": ["x"], "metadata": {"user_id": "u"}, "service_tier": "auto", "stream": True},
    "shape": {"output_config": {"format": {"type": "json_schema", "schema": CLOSED}}},
    "server tool": {"tools": [{"type": "web_search_20250305", "name": "web_search", "max_uses": 8}]},
}

BAD_ANTHROPIC: dict[str, Json] = {
    "no messages": {"messages": []},
    "unknown member": {"frequency_penalty": 1},
    "context management without its beta": {"context_management": {"edits": []}},
    "assistant first": {"messages": [{"role": "assistant", "content": "a"}]},
    "system first": {"messages": [{"role": "system", "content": "s"}, USER]},
    "unknown role": {"messages": [{"role": "tool", "content": "a"}]},
    "empty content": turns(""),
    "empty list": turns([]),
    "empty text": turns([{"type": "text", "text": ""}]),
    "blank text": turns([{"type": "text", "text": " \n"}]),
    "empty assistant inside": turns("a", "", "b"),
    "orphan result": turns([RESULT]),
    "unanswered use": turns("a", [USE], "b"),
    "unanswered last use": turns("a", [USE]),
    "text before result": turns("a", [USE], [TEXT, RESULT]),
    "system before result": {
        "messages": [
            USER,
            {"role": "assistant", "content": [USE]},
            {"role": "system", "content": "s"},
            {"role": "user", "content": [RESULT]},
        ]
    },
    "two results": turns("a", [USE], [RESULT, RESULT]),
    "use twice": turns("a", [USE], [RESULT], [USE], [RESULT]),
    "odd id": turns("a", [USE | {"id": "call.1"}], [RESULT | {"tool_use_id": "call.1"}]),
    "input as text": turns("a", [USE | {"input": "{}"}], [RESULT]),
    "unsigned thinking": turns("a", [{"type": "thinking", "thinking": "hm", "signature": "x"}, TEXT], "b"),
    "foreign signature": turns("a", [THOUGHT | {"signature": Signer("other").sign("hm")}, TEXT], "b"),
    "changed thinking": turns("a", [THOUGHT | {"thinking": "ha"}, TEXT], "b"),
    "foreign hidden thinking": turns("a", [HIDDEN | {"data": Signer("other").hide("hm")}, TEXT], "b"),
    "thinking from user": turns([THOUGHT]),
    "use from user": turns([USE]),
    "small budget": {"thinking": {"type": "enabled", "budget_tokens": 1023}},
    "large budget": {"thinking": {"type": "enabled", "budget_tokens": 2048}},
    "no leading thinking": {"thinking": {"type": "enabled", "budget_tokens": 1024}, **turns("a", [USE], [RESULT])},
    "forced tool while thinking": {"thinking": {"type": "adaptive"}, "tools": [TOOL], "tool_choice": {"type": "any"}},
    "cool while thinking": {"thinking": {"type": "adaptive"}, "temperature": 0.5},
    "five marks": {"system": [TEXT | MARK] * 5},
    "long mark after short": {"system": [TEXT | MARK, TEXT | {"cache_control": {"type": "ephemeral", "ttl": "1h"}}]},
    "odd mark": {"system": [TEXT | {"cache_control": {"type": "eternal"}}]},
    "choice without tools": {"tool_choice": {"type": "auto"}},
    "choice as text": {"tools": [TOOL], "tool_choice": "auto"},
    "choice of another tool": {"tools": [TOOL], "tool_choice": {"type": "tool", "name": "Write"}},
    "tool twice": {"tools": [TOOL, TOOL]},
    "tool name odd": {"tools": [TOOL | {"name": "a.b"}]},
    "tool name long": {"tools": [TOOL | {"name": "n" * 129}]},
    "tool without schema": {"tools": [{"name": "a"}]},
    "tool of chat": {"tools": [CHAT_TOOL]},
    "odd property": {"tools": [TOOL | {"input_schema": {"type": "object", "properties": {"$a": {}}}}]},
    "tool with combined schema": {"tools": [TOOL | {"input_schema": {"type": "object", "anyOf": []}}]},
    "blank stop": {"stop_sequences": [" "]},
    "hot": {"temperature": 1.1},
    "unknown effort": {"output_config": {"effort": "huge"}},
    "unknown block member": turns([TEXT | {"name": "x"}]),
    "bad image data": turns([{"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "?"}}]),
    "error with picture": turns(
        "a",
        [USE],
        [RESULT | {"is_error": True, "content": [{"type": "image", "source": {"type": "url", "url": "https://x"}}]}],
    ),
    "sampling on a new model": {"model": "claude-opus-5-5", "temperature": 0.5},
}

VERSION = {"anthropic-version": "2023-06-01"}


def anthropic(body: Json, headers: dict[str, str] | None = None, rules: Rules | None = None) -> None:
    check_anthropic(body, VERSION | (headers or {}), rules or Rules(), SIGNER)


@pytest.mark.parametrize("name", GOOD_CHAT)
def test_a_good_chat_request_is_taken_by_the_stand_in_and_by_the_vendor_s_types(name: str) -> None:
    body = CHAT | GOOD_CHAT[name]

    check_chat(body, Rules())

    assert type_problems("openai_chat", body) == []


@pytest.mark.parametrize("name", BAD_CHAT)
def test_a_bad_chat_request_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        check_chat(CHAT | BAD_CHAT[name], Rules())


@pytest.mark.parametrize("name", GOOD_ANTHROPIC)
def test_a_good_anthropic_request_is_taken_by_the_stand_in_and_by_the_vendor_s_types(name: str) -> None:
    body = ANTHROPIC | GOOD_ANTHROPIC[name]

    anthropic(body)

    assert type_problems("anthropic", body) == []


@pytest.mark.parametrize("name", BAD_ANTHROPIC)
def test_a_bad_anthropic_request_is_refused(name: str) -> None:
    with pytest.raises(Refused):
        anthropic(ANTHROPIC | BAD_ANTHROPIC[name])


@pytest.mark.parametrize(
    "more",
    [
        {"temperature": 1},
        turns("a", [{"type": "document", "source": {"type": "url", "url": "https://x/y.pdf"}}], "b"),
        turns([TEXT | {"citations": [{"type": "char_location"}]}]),
    ],
)
def test_the_newer_version_refuses_what_the_older_one_takes(more: Json) -> None:
    anthropic(ANTHROPIC | more)

    with pytest.raises(Refused):
        anthropic(ANTHROPIC | more, {"anthropic-version": "2026-10-21"})


def test_a_beta_member_passes_with_its_header() -> None:
    body = ANTHROPIC | {"context_management": {"edits": []}}

    anthropic(body, {"anthropic-beta": "other,context-management-2025-06-27"})


def test_a_request_without_version_is_refused() -> None:
    with pytest.raises(Refused, match="anthropic-version"):
        check_anthropic(ANTHROPIC, {}, Rules(), SIGNER)


def test_a_lenient_vendor_takes_nearly_everything() -> None:
    check_chat(CHAT | {"top_k": 5, "messages": []}, Rules(strict=False))
    anthropic(ANTHROPIC | {"seed": 5, "messages": []}, rules=Rules(strict=False))


def test_a_vendor_may_allow_and_refuse_members_of_its_own() -> None:
    history = [USER, {"role": "assistant", "content": "x", "reasoning_content": "y"}, USER]

    check_chat(CHAT | {"top_k": 5}, Rules(allow=frozenset({"top_k"})))
    check_chat(CHAT | {"messages": history}, Rules(allow=frozenset({"messages.reasoning_content"})))
    with pytest.raises(Refused, match="stream_options"):
        check_chat(CHAT | {"stream": True, "stream_options": {}}, Rules(refuse=frozenset({"stream_options"})))


def test_a_vendor_may_demand_its_reasoning_back() -> None:
    rules = Rules(echo_reasoning=True, allow=frozenset({"messages.reasoning_content"}))
    echoed = CHAT_ASKED | {"reasoning_content": "hm"}

    check_chat(CHAT | {"messages": [USER, echoed, CHAT_TOLD]}, rules)
    with pytest.raises(Refused, match="reasoning_content"):
        check_chat(CHAT | {"messages": [USER, CHAT_ASKED, CHAT_TOLD]}, rules)


@pytest.mark.parametrize(
    ("rules", "messages"),
    [
        (Rules(system_first=True), [USER, {"role": "system", "content": "s"}]),
        (Rules(alternate=True), [USER, USER]),
        (Rules(alternate=True), [{"role": "assistant", "content": "a"}, USER]),
    ],
)
def test_a_vendor_s_template_may_be_strict_about_roles(rules: Rules, messages: list[Json]) -> None:
    check_chat(CHAT | {"messages": messages}, Rules())
    with pytest.raises(Refused):
        check_chat(CHAT | {"messages": messages}, rules)


def test_checking_leaves_the_request_alone() -> None:
    body = ANTHROPIC | {"system": [TEXT | MARK], **turns("a", [THOUGHT, USE], [RESULT])}
    before = copy.deepcopy(body)

    anthropic(body)

    assert body == before
