"""What clients of this wire ask, in neutral form, and written again."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.request import (
    Audio,
    CacheMark,
    File,
    Image,
    Inline,
    Link,
    OutputShape,
    ProviderTool,
    Reasoning,
    Refusal,
    Request,
    Sampling,
    Seal,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Unknown,
)
from dragoman.dialects.openai_chat import DIALECT
from dragoman.dialects.openai_chat.shut import shut_tools
from tests.dialects.openai_chat.wire import Json, losses, write

USER = {"role": "user", "content": "hi"}


def read(*messages: Json, **members: Any) -> Request:
    return DIALECT.read_request(json.dumps({"model": "m", "messages": messages or (USER,), **members}).encode())


def test_leading_system_messages_are_the_system() -> None:
    request = read({"role": "developer", "content": "one"}, {"role": "system", "content": "two"}, USER)
    assert request.system == (Text("one"), Text("two"))
    assert request.turns == (Turn("user", (Text("hi"),), as_string=True),)
    assert read({"role": "system", "content": "one"}, USER).system_as_string


def test_later_and_named_system_messages_are_turns() -> None:
    request = read({"role": "system", "content": "one", "name": "n"}, USER, {"role": "system", "content": "two"})
    assert request.system == ()
    assert [turn.role for turn in request.turns] == ["system", "user", "system"]


def test_every_published_content_part_is_read() -> None:
    request = read(
        {
            "role": "user",
            "content": [
                {"type": "text", "text": "a", "cache_control": {"type": "ephemeral", "ttl": "1h"}},
                {"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}},
                {"type": "image_url", "image_url": "https://a.b/c.png"},
                {"type": "input_audio", "input_audio": {"data": "aGk=", "format": "mp3"}},
                {"type": "file", "file": {"file_data": "data:application/pdf;base64,aGk=", "filename": "a.pdf"}},
                {"type": "file", "file": {"file_id": "file-1"}},
                {"type": "file", "file": {"file_data": "aGk="}},
                {"type": "video_url", "video_url": {"url": "x"}},
                {"type": "image_url", "image_url": {"url": "https://a.b/c.png", "novel": 1}},
            ],
        }
    )
    parts = request.turns[0].parts
    assert parts[:7] == (
        Text("a", CacheMark("1h")),
        Image(Inline("image/png", "aGk="), "low"),
        Image(Link("https://a.b/c.png")),
        Audio(Inline("audio/mpeg", "aGk=")),
        File(Inline("application/pdf", "aGk="), name="a.pdf"),
        File(Stored("openai_chat", "file-1")),
        File(Inline("application/pdf", "aGk=")),
    )
    assert [part.kind for part in parts[7:] if isinstance(part, Unknown)] == ["video_url", "image_url"]


def test_an_assistant_s_words_refusal_and_calls_are_read() -> None:
    request = read(
        {
            "role": "assistant",
            "content": [{"type": "text", "text": "a"}, {"type": "refusal", "refusal": "no"}],
            "refusal": "never",
            "tool_calls": [
                {"id": "a", "type": "function", "function": {"name": "Read", "arguments": "{"}},
                {"id": "b", "type": "custom", "custom": {"name": "patch", "input": "*"}},
            ],
        },
        {"role": "tool", "tool_call_id": "a", "content": "x"},
        {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": "y"}]},
        USER,
    )
    assert request.turns[0].parts == (
        Text("a"),
        Refusal("no"),
        Refusal("never"),
        ToolCall("a", "Read", "{"),
        ToolCall("b", "patch", "*", "text"),
    )
    assert request.turns[1].parts == (
        ToolResult("a", (Text("x"),), as_string=True),
        ToolResult("b", (Text("y"),)),
    )
    assert len(request.turns) == 3


def test_the_older_functions_are_tools() -> None:
    request = read(
        USER,
        {"role": "assistant", "content": None, "function_call": {"name": "f", "arguments": "{}"}},
        {"role": "function", "name": "f", "content": "x"},
        {"role": "function", "name": "g", "content": None},
        functions=[{"name": "f", "parameters": {}}],
        function_call={"name": "f"},
    )
    call, results = request.turns[1].parts[0], request.turns[2].parts
    assert isinstance(call, ToolCall)
    assert [result.call_id for result in results if isinstance(result, ToolResult)] == [call.id, "call_legacy_none"]
    assert request.tools == (Tool("f", schema=Raw(b"{}")),)
    assert request.tool_choice == ToolChoice("one", "f")


def test_the_settings_are_read() -> None:
    request = read(
        temperature=1,
        top_p=0.5,
        top_k=3,
        seed=7,
        frequency_penalty=0.1,
        presence_penalty=0.2,
        max_tokens=10,
        max_completion_tokens=20,
        stop="x",
        stream=True,
        stream_options={"include_usage": True},
        user="me",
        service_tier="flex",
        parallel_tool_calls=False,
        reasoning_effort="low",
        n=2,
        logprobs=True,
    )
    assert request.sampling == Sampling(1, 0.5, 3, 7, 0.1, 0.2)
    assert (request.max_output, request.stop, request.stream, request.stream_usage) == (20, ("x",), True, True)
    assert (request.user, request.service_tier, request.parallel_tools) == ("me", "flex", False)
    assert request.reasoning == Reasoning(effort="low")
    assert request.extras is not None
    assert request.extras.members.keys() == {"n", "logprobs"}


def test_defaults_are_what_was_not_said() -> None:
    request = read(stop=None, stream_options=None)
    assert (request.stop, request.stream, request.stream_usage, request.extras) == ((), False, False, None)


@pytest.mark.parametrize(
    ("said", "choice"),
    [
        ("auto", ToolChoice("auto")),
        ("none", ToolChoice("none")),
        ("required", ToolChoice("any")),
        ({"type": "function", "function": {"name": "f"}}, ToolChoice("one", "f")),
        ({"type": "custom", "custom": {"name": "f"}}, ToolChoice("one", "f")),
    ],
)
def test_the_choice_of_tools_is_read(said: Any, choice: ToolChoice) -> None:
    assert read(tool_choice=said).tool_choice == choice


def test_a_choice_among_some_tools_is_kept_as_it_was() -> None:
    allowed = {"mode": "required", "tools": [{"type": "function", "function": {"name": "f"}}]}
    request = read(
        tool_choice={"type": "allowed_tools", "allowed_tools": allowed},
        tools=[{"type": "function", "function": {"name": "f"}}],
    )
    assert request.tool_choice is not None
    assert request.tool_choice.mode == "any"
    assert write(request)[0]["tool_choice"] == {"type": "allowed_tools", "allowed_tools": allowed}


@pytest.mark.parametrize(
    ("members", "reasoning"),
    [
        ({"reasoning": {"effort": "high"}}, (None, None, "high")),
        ({"reasoning": {"max_tokens": 9, "enabled": True}}, ("on", 9, None)),
        ({"reasoning": {"enabled": False}}, ("off", None, None)),
        ({"thinking": {"type": "disabled"}}, ("off", None, None)),
        ({"thinking": {"type": "enabled", "budget_tokens": 9}}, ("on", 9, None)),
        ({"enable_thinking": True, "thinking_budget": 9}, ("on", 9, None)),
        ({"enable_thinking": False}, ("off", None, None)),
    ],
)
def test_the_wish_for_thinking_is_read_in_every_form_and_kept(members: Json, reasoning: tuple[Any, ...]) -> None:
    request = read(**members)
    assert (request.reasoning.mode, request.reasoning.budget, request.reasoning.effort) == reasoning
    body, _ = write(request)
    assert {name: body[name] for name in members} == members
    assert write(request, effort="thinking")[0]["thinking"]["type"] == (
        "disabled" if reasoning[0] == "off" else "enabled"
    )


def test_the_shape_of_the_answer_is_read() -> None:
    assert read(response_format={"type": "json_object"}).output_shape == OutputShape("json_object")
    schema = {"name": "a", "description": "d", "schema": {"type": "object"}, "strict": True}
    shape = read(response_format={"type": "json_schema", "json_schema": schema}).output_shape
    assert shape == OutputShape("json_schema", Raw(b'{"type": "object"}'), "a", "d", True)
    text = read(response_format={"type": "text"})
    assert text.output_shape is None
    assert write(text)[0]["response_format"] == {"type": "text"}


def test_tools_are_read_with_what_is_unknown_of_them() -> None:
    tools = [
        {"type": "function", "function": {"name": "f", "strict": True, "novel": 1}, "outer": 2},
        {"type": "custom", "custom": {"name": "c", "format": {"type": "text"}}},
        {"type": "web_search", "depth": 1},
    ]
    request = read(tools=tools)
    assert isinstance(request.tools[2], ProviderTool)
    assert (request.tools[2].kind, request.tools[2].name) == ("web_search", "web_search")
    sent = write(request)[0]["tools"]
    assert sent[0] == {
        "type": "function",
        "function": {"name": "f", "strict": True, "novel": 1, "parameters": {"type": "object", "properties": {}}},
        "outer": 2,
    }
    assert sent[1:] == tools[1:]


def test_tools_of_closed_shape_are_read_in_one_go() -> None:
    tools = b"""[{"type":"function","function":{"name":"f","description":"d","parameters":{"a":1},"strict":true}},
        {"type":"function","function":{"name":"g","parameters":null}}]"""
    assert shut_tools(Raw(tools)) == (Tool("f", "d", Raw(b'{"a":1}'), strict=True), Tool("g"))
    assert shut_tools(Raw(b'[{"type":"custom","custom":{"name":"c"}}]')) is None


def test_a_client_of_functions_alone_has_room_for_one_call() -> None:
    request = read(functions=[{"name": "g"}])
    assert (request.legacy_calls, request.parallel_tools) == (True, False)
    assert [loss.what for loss in request.losses] == ["functions.parallel"]
    assert not read(tools=[{"type": "function", "function": {"name": "f"}}], functions=[{"name": "g"}]).legacy_calls


def test_the_older_functions_join_the_tools() -> None:
    request = read(tools=[{"type": "function", "function": {"name": "f"}}], functions=[{"name": "g"}])
    assert [tool.name for tool in request.tools] == ["f", "g"]


def test_calls_in_the_wrong_role_are_kept_as_they_were() -> None:
    calls = [{"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}]
    request = read({"role": "user", "content": "hi", "tool_calls": calls})
    assert request.turns[0].extras is not None
    assert write(request)[0]["messages"][0]["tool_calls"] == calls


def test_options_of_the_stream_are_kept_beside_the_wish_for_usage() -> None:
    request = read(stream=True, stream_options={"include_obfuscation": False})
    assert not request.stream_usage
    assert write(request)[0]["stream_options"] == {"include_obfuscation": False, "include_usage": True}
    assert "stream_options" not in write(request, stream_usage=False)[0]


def test_a_cache_mark_of_an_unknown_kind_is_kept_as_it_was() -> None:
    part = {"type": "text", "text": "a", "cache_control": {"type": "novel"}}
    request = read({"role": "user", "content": [part]})
    assert write(request)[0]["messages"][0]["content"] == [part]


def test_several_answers_are_refused_where_they_could_not_be_told() -> None:
    with pytest.raises(Trouble) as caught:
        write(read(n=2))
    assert (caught.value.problem.kind, caught.value.problem.param) == (Kind.UNSUPPORTED, "n")
    assert write(read(n=1))[0]["n"] == 1


@pytest.mark.parametrize(
    ("members", "bound"),
    [
        ({"n": 2}, ("n",)),
        ({"n": 1, "logprobs": False, "top_logprobs": 0, "modalities": ["text"]}, ()),
        ({"n": None, "logprobs": None}, ()),
        ({"logprobs": True, "top_logprobs": 3}, ("logprobs", "top_logprobs")),
        ({"modalities": ["text", "audio"], "audio": {"voice": "alloy", "format": "wav"}}, ("modalities",)),
    ],
)
def test_what_no_other_wire_has_an_answer_for_is_bound_to_this_one(
    members: dict[str, object], bound: tuple[str, ...]
) -> None:
    assert read(**members).bound == bound


# Thinking and seals


def test_thinking_that_a_client_keeps_is_read() -> None:
    request = read({"role": "assistant", "content": "a", "reasoning_content": "hm"}, USER)
    assert request.turns[0].parts == (Thinking("hm"), Text("a"))


def test_pitfall_082_plain_thinking_of_this_wire_goes_back_where_it_is_wanted() -> None:
    call = {"id": "a", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    request = read(
        USER,
        {"role": "assistant", "content": None, "reasoning_content": "hm", "tool_calls": [call]},
        {"role": "tool", "tool_call_id": "a", "content": "x"},
    )
    body, written = write(request, reasoning_echo="reasoning_content")
    assert body["messages"][1]["reasoning_content"] == "hm"
    assert losses(written) == []


def test_a_cache_mark_beside_the_content_is_the_last_parts() -> None:
    marked = {"cache_control": {"type": "ephemeral"}}
    parts = [{"type": "text", "text": "a"}, {"type": "text", "text": "b"}]
    request = read({"role": "system", "content": "s", **marked}, {"role": "user", "content": parts, **marked})
    assert request.system == (Text("s", CacheMark()),)
    assert request.turns[0].parts == (Text("a"), Text("b", CacheMark()))
    kept = read({**USER, "cache_control": {"type": "eternal"}}).turns[0].extras
    assert kept is not None
    assert list(kept.members) == ["cache_control"]


def assistant_with(**members: Any) -> tuple[Any, ...]:
    return read({"role": "assistant", "content": "a", **members}, USER).turns[0].parts[:-1]


def test_entries_of_the_vendor_s_own_are_native_seals() -> None:
    entry = {"type": "reasoning.text", "text": "hm", "signature": "sig", "index": 0}
    hidden = {"type": "reasoning.encrypted", "data": "xyz"}
    (shown, secret) = assistant_with(reasoning="hm", reasoning_details=[entry, hidden])
    assert shown == Thinking("hm", seal=Seal("", '{"type":"reasoning.text","signature":"sig","index":0}'))
    assert secret == Thinking("", redacted=True, seal=Seal("", '{"type":"reasoning.encrypted","data":"xyz"}'))


def test_words_around_hidden_thinking_come_before_it() -> None:
    parts = assistant_with(reasoning="hm", reasoning_details=[{"type": "reasoning.encrypted", "data": "xyz"}])
    assert [part.text for part in parts] == ["hm", ""]


def test_a_signature_without_words_takes_those_of_the_message() -> None:
    parts = assistant_with(reasoning="hm", reasoning_details=[{"type": "reasoning.text", "signature": "s"}])
    assert [part.text for part in parts] == ["hm"]


def test_spans_part_the_words() -> None:
    entries = [
        {"type": "reasoning.text", "format": "dragoman", "signature": "dgm1.YQ.one", "span": [2, 4]},
        {"type": "reasoning.text", "format": "dragoman", "signature": "dgm1.YQ.", "span": [1, 6]},
        {"type": "reasoning.text", "signature": "s", "span": ["x", 6]},
    ]
    parts = assistant_with(reasoning_content="abcdefgh", reasoning_details=entries)
    assert [(part.text, part.seal and (part.seal.origin, part.seal.blob[:3])) for part in parts] == [
        ("ab", None),
        ("cd", ("a", "one")),
        ("ef", ("a", "")),
        ("gh", ("", '{"t')),
    ]


def test_an_entry_without_a_value_is_a_native_seal() -> None:
    (part,) = assistant_with(reasoning_details=[{"type": "reasoning.summary", "summary": "hm"}])
    assert part == Thinking("hm", seal=Seal("", '{"type":"reasoning.summary"}'))


# What is no request


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"", "body"),
        (b"[]", "body"),
        (b'{"messages":[]}', "model"),
        (b'{"model":"m"}', "messages"),
        (b'{"model":"m","messages":[1]}', "messages"),
        (b'{"model":"m","messages":[{"content":"x"}]}', "messages[0].role"),
        (b'{"model":"m","messages":[{"role":"oracle","content":"x"}]}', "messages[0].role"),
        (b'{"model":"m","messages":[{"role":"user","content":3}]}', "messages[0].content"),
        (b'{"model":"m","messages":[{"role":"user","content":[3]}]}', "messages[0].content"),
        (b'{"model":"m","messages":[{"role":"user","content":[{"text":"x"}]}]}', "messages[0].content[0].type"),
        (b'{"model":"m","messages":[{"role":"user","content":[{"type":"text"}]}]}', "messages[0].content[0].text"),
        (b'{"model":"m","messages":[{"role":"user","content":[{"type":"file"}]}]}', "messages[0].content[0].file"),
        (
            b'{"model":"m","messages":[{"role":"user","content":[{"type":"image_url","image_url":{}}]}]}',
            "messages[0].content[0].image_url.url",
        ),
        (
            b'{"model":"m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{}}]}]}',
            "messages[0].content[0].input_audio.data",
        ),
        (b'{"model":"m","messages":[{"role":"tool","content":"x"}]}', "messages[0].tool_call_id"),
        (
            b'{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"a"}]}]}',
            "messages[0].tool_calls[0].function",
        ),
        (
            b'{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"a","function":{}}]}]}',
            "messages[0].tool_calls[0].function.name",
        ),
        (
            b'{"model":"m","messages":[{"role":"assistant","reasoning_details":3}]}',
            "messages[0].reasoning_details",
        ),
        (b'{"model":"m","messages":[],"tools":[{"type":"function"}]}', "tools[0].function"),
        (b'{"model":"m","messages":[],"tools":[{"function":{}}]}', "tools[0].function.name"),
        (b'{"model":"m","messages":[],"tool_choice":"perhaps"}', "tool_choice"),
        (b'{"model":"m","messages":[],"tool_choice":3}', "tool_choice"),
        (b'{"model":"m","messages":[],"tool_choice":{}}', "tool_choice.name"),
        (b'{"model":"m","messages":[],"stop":3}', "stop"),
        (b'{"model":"m","messages":[],"response_format":{"type":"json_schema"}}', "response_format.json_schema"),
        (b'{"model":"m","messages":[],"thinking":3}', "thinking"),
        (b'{"model":"m","messages":[],"temperature":"hot"}', "temperature"),
    ],
)
def test_what_cannot_be_read_is_refused_by_name(body: bytes, param: str) -> None:
    with pytest.raises(Trouble) as found:
        DIALECT.read_request(body)
    assert found.value.problem.kind is Kind.INVALID_REQUEST
    assert found.value.problem.param == param or param == "body"


def test_f70_bytes_that_are_no_utf_8_are_refused_with_their_place() -> None:
    with pytest.raises(Trouble, match="byte 2"):
        DIALECT.read_request(b'{"\xff":1}')


def test_pitfall_021_half_a_character_is_replaced_and_noted() -> None:
    body = b'{"model":"m","messages":[{"role":"user","content":"a\\ud83d b"}]}'
    request = DIALECT.read_request(body)
    assert request.turns[0].parts == (Text("a\ufffd b"),)
    assert losses(write(request)[1]) == ["text.surrogate"]
