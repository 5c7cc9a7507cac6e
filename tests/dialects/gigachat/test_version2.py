"""Version 2 of the chat API: requests as the strict stand-in and the SDK's types take them, answers in any framing."""

from __future__ import annotations

import json
from typing import Any

import pytest
from gigachat.models import ChatCompletionRequest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from pydantic import BaseModel

from dragoman.canon.events import Event, Failed, Finished
from dragoman.canon.habits import Habits
from dragoman.canon.order import OrderKeeper
from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.reply import Reply, fold
from dragoman.canon.request import (
    Image,
    OutputShape,
    ProviderTool,
    Reasoning,
    Request,
    Sampling,
    Seal,
    ServerTool,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
)
from dragoman.canon.usage import Usage
from dragoman.dialects.base import Written
from dragoman.dialects.gigachat import DIALECT_2
from tests.dialects.gigachat.stage import (
    FILES,
    HEARING,
    NEWER,
    ORIGIN,
    Json,
    asked,
    assistant,
    called,
    ending,
    gave,
    gist,
    losses,
    target,
    user,
)
from tests.dialects.gigachat.stage import write as write_1
from tests.dialects.gigachat.test_laws import ANSWERS, SHAPES
from tests.laws import strategies
from tests.standin.ask import Ask
from tests.standin.gigachat_v2_check import check_gigachat_v2
from tests.standin.gigachat_v2_voice import frames, whole
from tests.standin.gigachat_voice import state_of
from tests.standin.reply import Reply as Said
from tests.standin.reply import Signer
from tests.standin.reply import Usage as SaidUsage
from tests.standin.rules import Rules
from tests.standin.shape import Shape, stream_bytes
from tests.standin.voice import Speech

READ = Tool("Read", "Reads a file.", Raw(b'{"type":"object","properties":{"path":{"type":"string"}}}'))
WRITE = Tool("Write", "Writes a file.", Raw(b'{"type":"object","properties":{"path":{"type":"string"}}}'))
SEARCH = ProviderTool("tongue", "web_search_20250305", "web_search", Raw(b"{}"))
STATE = state_of(Signer(), "Read", {})
OWN = Seal(ORIGIN, STATE)
NEWEST = {"parallel_tool_calls", "functions_names_any", "id"}
"""Members that the SDK's examples and its sister for Java have, and the types of its release 0.2.3 not yet."""


def write(request: Request, habits: Habits = NEWER, **changes: Any) -> tuple[Json, Written]:
    """The body as JSON, judged by the vendor's SDK and the strict stand-in, and all that was written."""
    written = DIALECT_2.write_request(request, target(habits, **changes))
    body = json.loads(written.body)
    check_gigachat_v2(body, Rules(allow=frozenset({"json_schema"})), Signer(), FILES)
    assert unknown(ChatCompletionRequest.model_validate(body)) <= NEWEST
    return body, written


def unknown(model: BaseModel) -> set[str]:
    """Members that the SDK's types do not have, at any depth."""
    found = set(model.model_extra or {})
    for _, value in model:
        for each in value if isinstance(value, list) else [value]:
            found |= unknown(each) if isinstance(each, BaseModel) else set()
    return found


def events(stream: bytes | list[bytes]) -> list[Event]:
    """All events of a stream, which must be legal."""
    reader = DIALECT_2.reader(HEARING)
    found = [event for piece in ([stream] if isinstance(stream, bytes) else stream) for event in reader.feed(piece)]
    found += reader.close()
    keeper = OrderKeeper()
    assert keeper.keep(found) == found
    assert keeper.ended
    return found


def sse(*told: tuple[str, Json]) -> bytes:
    """A stream of named events."""
    return "".join(f"event: {name}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n" for name, data in told).encode()


def delta(*content: Json | str, role: str = "assistant", **members: Any) -> tuple[str, Json]:
    """An event with one message."""
    return "response.message.delta", {"messages": [{"role": role, "content": list(content), **members}]}


def done(finish: str = "stop", **members: Any) -> tuple[str, Json]:
    """The last event."""
    return "response.message.done", {"finish_reason": finish, **members}


def heard(*told: tuple[str, Json]) -> Reply:
    """The reply that these events amount to."""
    return fold(events(sse(*told)))


# Requests


def test_a_history_is_told_in_messages_of_parts() -> None:
    body, written = write(
        asked(
            user("go", Image(Stored("gigachat", "file_1"))),
            assistant(
                Thinking("hm", seal=Seal(ORIGIN, "")), "I read it.", called("a", arguments='{"path":"a"}', seal=OWN)
            ),
            user(gave("a", "no file", is_error=True), "and now?"),
            system=(Text("be brief"),),
            tools=(READ,),
        )
    )
    assert body["messages"] == [
        {"role": "system", "content": [{"text": "be brief"}]},
        {"role": "user", "content": [{"text": "go"}, {"files": [{"id": "file_1"}]}]},
        {"role": "reasoning", "content": [{"text": "hm"}]},
        {
            "role": "assistant",
            "content": [
                {"text": "I read it."},
                {"function_call": {"id": "a", "name": "Read", "arguments": {"path": "a"}}},
            ],
            "tools_state_id": STATE,
        },
        {
            "role": "tool",
            "content": [
                {
                    "function_result": {
                        "id": "a",
                        "name": "Read",
                        "result": {"result": "Error: no file", "is_error": True},
                    }
                }
            ],
            "tools_state_id": STATE,
        },
        {"role": "user", "content": [{"text": "and now?"}]},
    ]
    assert losses(written) == ["tool_result.is_error"]


def test_calls_that_this_account_made_together_are_told_together() -> None:
    calls = (called("x-1", seal=OWN), called("x-2", seal=OWN))
    body, written = write(asked(user("go"), assistant(*calls), user(gave("x-2", "B"), gave("x-1", "A")), tools=(READ,)))
    _, made, given = body["messages"]
    assert [part["function_call"]["id"] for part in made["content"]] == ["x-1", "x-2"]
    assert [part["function_result"]["result"]["result"] for part in given["content"]] == ["A", "B"]
    assert made["tools_state_id"] == given["tools_state_id"] == STATE
    assert losses(written) == []


OTHERS: dict[str, tuple[ToolCall, ToolCall]] = {
    "another vendor's": (called("toolu_1"), called("toolu_2")),
    "another account's": (called("x", seal=Seal("b", STATE)), called("y", seal=Seal("b", STATE))),
    "without ids of its own": (called("call_" + "a" * 24, seal=OWN), called("call_" + "b" * 24, seal=OWN)),
    "of two answers": (called("x", seal=OWN), called("y", seal=Seal(ORIGIN, state_of(Signer(), "Read", {"a": 1})))),
}


@pytest.mark.parametrize("whose", OTHERS)
def test_other_calls_are_told_one_by_one(whose: str) -> None:
    one, two = OTHERS[whose]
    body, written = write(
        asked(user("go"), assistant(one, two), user(gave(one.id, "A"), gave(two.id, "B")), tools=(READ,))
    )
    assert [message["role"] for message in body["messages"]] == ["user", "assistant", "tool", "assistant", "tool"]
    assert "tool_calls.parallel" in losses(written)
    assert b"toolu_" not in written.body
    assert b"call_" + b"a" * 24 not in written.body


CHOICES: dict[str, tuple[ToolChoice | None, tuple[Tool, ...], Json]] = {
    "auto": (None, (READ, WRITE), {"mode": "auto"}),
    "none": (ToolChoice("none"), (READ,), {"mode": "none"}),
    "one": (ToolChoice("one", "Write"), (READ, WRITE), {"mode": "forced", "function_name": "Write"}),
    "any of one": (ToolChoice("any"), (READ,), {"mode": "forced", "function_name": "Read"}),
    "any": (ToolChoice("any"), (READ, WRITE), {"mode": "any", "functions_names_any": ["Read", "Write"]}),
}


@pytest.mark.parametrize("case", CHOICES)
def test_a_choice_is_told_as(case: str) -> None:
    choice, tools, told = CHOICES[case]
    body, written = write(asked(tools=tools, tool_choice=choice))
    assert body["tool_config"] == told
    assert losses(written) == []


def test_an_upstream_that_cannot_be_asked_for_any_call_is_asked_in_words() -> None:
    body, written = write(asked(tools=(READ, WRITE), tool_choice=ToolChoice("any")), tool_choice_any=False)
    assert body["tool_config"] == {"mode": "auto"}
    assert "function call now" in body["messages"][0]["content"][0]["text"]
    assert losses(written) == ["tool_choice"]


def test_the_vendor_s_own_tools_stand_in_for_others_only_where_they_are_asked_for() -> None:
    body, written = write(asked(tools=(READ, SEARCH)))
    assert [next(iter(tool)) for tool in body["tools"]] == ["functions", "web_search"]
    assert losses(written) == ["tools.web_search_20250305"]
    assert "web_search" not in json.dumps(write(asked(tools=(READ,)))[0])
    forced, _ = write(asked(tools=(SEARCH,), tool_choice=ToolChoice("one", "web_search")))
    assert forced["tool_config"] == {"mode": "forced", "tool_name": "web_search"}
    code = ProviderTool("tongue", "code_execution_20250825", "code_execution", Raw(b"{}"))
    fetch = ProviderTool("tongue", "web_fetch_20250910", "web_fetch", Raw(b"{}"))
    assert write(asked(tools=(code, fetch)))[0]["tools"] == [{"code_interpreter": {}}, {"url_content_extraction": {}}]
    with pytest.raises(Trouble):
        write(asked(tools=(READ, ProviderTool("tongue", "computer_20250124", "computer", Raw(b"{}")))))


def test_a_client_s_tool_is_not_taken_for_the_vendor_s() -> None:
    body, written = write(asked(tools=(Tool("code_interpreter", "Runs code.", READ.schema), SEARCH)))
    name = body["tools"][0]["functions"]["specifications"][0]["name"]
    assert name != "code_interpreter"
    assert written.names == {name: "code_interpreter"}


def test_knobs_stand_among_the_options() -> None:
    options = {"profanity_check": False, "flags": ["a"], "update_interval": 1, "parallel_tool_calls": True}
    schema = Raw(b'{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]}')
    body, written = write(
        asked(
            max_output=99,
            sampling=Sampling(temperature=0.0),
            reasoning=Reasoning(effort="high"),
            output_shape=OutputShape("json_schema", schema, strict=True),
        ),
        extra_body=options,
    )
    assert body["model_options"] == {
        "max_tokens": 99,
        "top_p": 0,
        "update_interval": 1,
        "parallel_tool_calls": True,
        "reasoning": {"effort": "high"},
        "response_format": {"type": "json_schema", "schema": json.loads(bytes(schema)), "strict": True},
    }
    assert (body["disable_filter"], body["flags"], body["stream"]) == (True, ["a"], True)
    assert losses(written) == ["temperature"]


EFFORTS = {"none": ("off", False), "minimal": ("low", True), "high": ("high", False), "max": ("high", True)}


@pytest.mark.parametrize("word", EFFORTS)
def test_effort_is_told_in_the_vendor_s_words(word: str) -> None:
    body, written = write(asked(reasoning=Reasoning(effort=word)))
    assert (body["model_options"]["reasoning"]["effort"], "reasoning.effort" in losses(written)) == EFFORTS[word]


def test_thinking_can_be_switched_off() -> None:
    body, written = write(asked(reasoning=Reasoning(mode="off")))
    assert body["model_options"]["reasoning"] == {"effort": "off"}
    assert losses(written) == []


@given(strategies.requests("tongue", ORIGIN, "b"))
@settings(max_examples=60)
def test_any_request_becomes_one_that_the_vendor_takes(request: Request) -> None:
    try:
        written = DIALECT_2.write_request(request, target(NEWER))
    except Trouble:
        return
    body = json.loads(written.body)
    rules = Rules(allow=frozenset({"json_schema", "functions_state_id"}))
    check_gigachat_v2(body, rules, Signer(), {**FILES, **dict.fromkeys(_files(body), "image/png")})


def _files(body: Json) -> list[str]:
    parts = [part for message in body["messages"] for part in message["content"]]
    return [file["id"] for part in parts for file in part.get("files", [])]


# Answers


def test_the_vendor_s_own_answers_are_read() -> None:
    reply = heard(
        delta({"text": "Надо прочесть."}, role="reasoning"),
        delta({"text": "Читаю "}),
        delta({"text": "файл."}),
        delta({"function_call": {"name": "Read", "arguments": {"path": "ёж.py"}}}, tool_state_id="s"),
        done(
            "function_call",
            usage={"input_tokens": 88, "input_tokens_details": {"cached_tokens": 8}, "output_tokens": 25},
        ),
    )
    assert gist(reply) == [
        ("thinking", "Надо прочесть."),
        ("text", "Читаю файл."),
        ("call", "Read", '{"path": "ёж.py"}'),
    ]
    assert reply.parts[2].seal == Seal(ORIGIN, "s")
    assert reply.usage == Usage(input=80, cache_read=8, output=25)
    assert ending(reply) == "tool_calls"


def test_several_calls_keep_their_own_ids() -> None:
    calls = [{"function_call": {"id": f"x-{n}", "name": "Read", "arguments": {}}} for n in (1, 2)]
    reply = heard(delta(*calls), done("function_call", tools_state_id="s"))
    assert [(part.id, part.seal) for part in reply.parts if isinstance(part, ToolCall)] == [
        ("x-1", Seal(ORIGIN, "s")),
        ("x-2", Seal(ORIGIN, "s")),
    ]


FRAMINGS: dict[str, tuple[tuple[str, Json], ...]] = {
    "bare text": (("response.message.delta", {"messages": [{"content": "hi"}]}), done()),
    "texts for parts": (delta("hi"), done()),
    "a call beside the content": (
        ("response.message.delta", {"messages": [{"content": "hi", "function_call": {"name": "f", "arguments": {}}}]}),
        done("function_call"),
    ),
    "the reason in a message": (delta({"text": "hi"}, finish_reason="stop"), ("response.message.done", {})),
    "created as text": (("response.message.delta", {"created_at": "1", "messages": [{"content": "hi"}]}), done()),
    "members of a later release": (delta({"text": "hi", "new": 1}, novel={}), done(novel=None)),
    "a sign that a tool works": (
        ("response.tool.in_progress", {"finish_reason": "tool_error", "tool_execution": {"name": "web_search"}}),
        delta({"text": "hi"}),
        done(),
    ),
}


@pytest.mark.parametrize("case", FRAMINGS)
def test_every_framing_is_read(case: str) -> None:
    reply = heard(*FRAMINGS[case])
    assert gist(reply)[0] == ("text", "hi")
    assert ending(reply) in ("end", "tool_calls")


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        ("stop", "end"),
        ("length", "max_output"),
        ("blacklist", "refusal"),
        ("error", "upstream_error"),
        ("new", "unknown"),
    ],
)
def test_every_reason_is_told(word: str, meant: str) -> None:
    assert ending(heard(delta({"text": "hi"}), done(word))) == meant


def test_the_sources_of_a_search_are_told() -> None:
    sources = {"1": {"url": "https://a.example", "title": "A"}, "2": {"url": "https://b.example"}}
    reply = heard(delta({"text": "See [1].", "inline_data": {"images": [], "sources": sources}}), done())
    (_, part) = reply.parts
    assert isinstance(part, ServerTool)
    assert part.fallback == "Sources:\n[1] A: https://a.example\n[2] https://b.example"


def test_files_that_the_vendor_made_are_told() -> None:
    reply = heard(delta({"files": [{"id": "f1", "mime": "image/jpeg"}]}), done())
    assert isinstance(reply.parts[0], ServerTool)
    assert reply.parts[0].fallback == "Files that the provider made:\n- image/jpeg with the id f1"


@pytest.mark.parametrize("at", range(0, 400, 7))
def test_a_cut_stream_never_finishes(at: int) -> None:
    stream = sse(delta({"text": "hi"}), delta({"function_call": {"name": "f", "arguments": {}}}), done("function_call"))
    found = events(stream[:at])
    assert isinstance(found[-1], Finished) == (b'"finish_reason": "function_call"}' in stream[:at])


@pytest.mark.parametrize(
    ("stream", "kind"),
    [
        (b"", Kind.CUT_SHORT),
        (b"event: response.message.delta\ndata: {broken\n\n", Kind.GARBLED),
        (sse(("error", {"status": 429, "message": "Too many requests"})), Kind.RATE_LIMITED),
        (b'{"status":500,"message":"Internal Server Error"}', Kind.UPSTREAM_ERROR),
        (sse(("response.message.delta", {"messages": [{"content": 5}]})), Kind.GARBLED),
    ],
)
def test_what_is_no_answer_is_a_failure(stream: bytes, kind: Kind) -> None:
    last = events(stream)[-1]
    assert isinstance(last, Failed)
    assert last.problem.kind is kind


def test_half_a_character_spoils_no_answer() -> None:
    stream = b'data: {"messages":[{"content":[{"text":"a\\ud83d"}]}]}\n\ndata: {"finish_reason":"stop"}\n\n'
    assert gist(fold(events(stream))) == [("text", "a\N{REPLACEMENT CHARACTER}")]


@given(st.data(), SHAPES, ANSWERS)
@settings(max_examples=80)
def test_every_oddity_of_the_vendor_is_read_as_what_was_meant(data: st.DataObject, shape: Shape, said: Said) -> None:
    ask = Ask(dialect="gigachat_v2", model="GigaChat", stream=True)
    speech = Speech(ask, said, said.usage or SaidUsage(), shape, Signer(), "standin1")
    stream = b"".join(stream_bytes(frames(speech), shape))
    reply = fold(events(data.draw(strategies.slices(stream))))
    at_once = fold(DIALECT_2.read_reply(json.dumps(whole(speech)).encode(), HEARING))
    assert gist(fold(events(stream))) == gist(reply) or shape.comments
    told = said.calls if shape.calls == "interleaved" else said.calls[:1]
    for found in (reply, at_once):
        calls = [part for part in found.parts if isinstance(part, ToolCall)]
        assert "".join(part.text for part in found.parts if isinstance(part, Thinking)) == said.thinking
        assert "".join(part.text for part in found.parts if isinstance(part, Text)) == said.text
        assert [json.loads(call.arguments) for call in calls] == [json.loads(call.arguments) for call in told]
        assert all(call.seal is not None and call.seal.blob for call in calls)
        assert ending(found) == ("tool_calls" if calls else "end" if found.parts else "upstream_error")


def test_odd_members_of_an_answer_are_passed_by() -> None:
    odd = {"sources": {"1": "no object", "2": {"title": "no address"}}}
    reply = heard(
        ("response.message.delta", {"messages": []}),
        delta({"text": "hi", "inline_data": odd, "files": "none"}),
        done(),
    )
    assert gist(reply) == [("text", "hi")]


def test_several_calls_at_once_are_a_wish_of_version_2_alone() -> None:
    wish = {"parallel_tool_calls": True}
    assert write(asked(), extra_body=wish)[0]["model_options"] == wish
    body, written = write_1(asked(), NEWER, extra_body=wish)
    assert "parallel_tool_calls" not in body
    assert losses(written) == ["parallel_tools"]


def test_no_choice_is_told_where_nothing_is_offered() -> None:
    body, written = write(asked(tool_choice=ToolChoice("any")))
    assert "tool_config" not in body
    assert losses(written) == ["tool_choice"]
