"""Events as a client of this wire gets them; the vendor's SDK is the judge."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import pytest
from msgspec import Raw
from openai.lib.streaming.chat import ChatCompletionStreamState
from openai.types.chat import ChatCompletion, ChatCompletionChunk

from dragoman.canon.events import (
    Beat,
    Event,
    Failed,
    Finished,
    PartGrew,
    PartNoted,
    PartOpened,
    PartSealed,
    Reason,
    Started,
)
from dragoman.canon.problem import Kind, problem
from dragoman.canon.reply import Reply, fold, unfold
from dragoman.canon.request import (
    Extras,
    Image,
    Link,
    Part,
    Refusal,
    Seal,
    ServerTool,
    Text,
    Thinking,
    ToolCall,
    Unknown,
)
from dragoman.canon.usage import Usage
from dragoman.dialects.base import Telling
from dragoman.dialects.openai_chat import DIALECT
from tests.dialects.openai_chat.wire import TELLING, Json

QUIET = Telling(model="asked", exchange_id="x1", created_s=1, include_usage=False)
BARE = Telling(model="asked", exchange_id="x1", created_s=1, bare_seals=True)


def told(events: Sequence[Event], telling: Telling = TELLING) -> list[str]:
    """The data of each frame."""
    said = DIALECT.writer(telling).write(list(events)).decode()
    assert said.endswith("\n\n") or not said
    return [frame.removeprefix("data: ") for frame in said.split("\n\n")[:-1]]


def accumulated(events: Sequence[Event]) -> ChatCompletion:
    """What the vendor's SDK makes of the stream."""
    state = ChatCompletionStreamState()
    for data in told(events):
        if data != "[DONE]":
            state.handle_chunk(ChatCompletionChunk.model_validate_json(data, strict=True))
    return state.get_final_completion()


def replied(*parts: Part, reason: Reason = "end", **members: Any) -> Reply:
    return Reply(id="c1", model="upstream", parts=parts, finish=Finished(reason), **members)


FULL = replied(
    Thinking("I think", seal=Seal("deepseek", "")),
    Text("Done"),
    Text(" well."),
    ToolCall("a", "Read", '{"path":"ä"}'),
    ToolCall("b", "List", ""),
    reason="tool_calls",
    usage=Usage(input=5, cache_read=3, cache_write_5m=2, output=4, thinking=1),
)


def test_the_sdk_gathers_what_was_meant() -> None:
    found = accumulated(unfold(FULL))
    message = found.choices[0].message
    assert (found.id, found.model) == ("c1", "asked")
    assert message.content == "Done well."
    assert [(call.id, call.function.name, call.function.arguments) for call in message.tool_calls or ()] == [  # type: ignore[union-attr]
        ("a", "Read", '{"path":"ä"}'),
        ("b", "List", "{}"),
    ]
    assert found.choices[0].finish_reason == "tool_calls"
    assert found.usage is not None
    assert (found.usage.prompt_tokens, found.usage.completion_tokens, found.usage.total_tokens) == (10, 4, 14)
    assert found.usage.prompt_tokens_details is not None
    assert found.usage.prompt_tokens_details.cached_tokens == 3
    assert message.model_extra is not None
    assert message.model_extra["reasoning_content"] == "I think"


def test_a_whole_answer_says_the_same_as_a_stream() -> None:
    body = DIALECT.write_reply(FULL, TELLING)
    whole = ChatCompletion.model_validate_json(body, strict=True)
    streamed = accumulated(unfold(FULL))
    one, other = whole.choices[0].message, streamed.choices[0].message
    assert (one.content, one.refusal) == (other.content, other.refusal)
    assert [call.id for call in one.tool_calls or ()] == [call.id for call in other.tool_calls or ()]
    assert whole.usage == streamed.usage
    assert whole.choices[0].finish_reason == streamed.choices[0].finish_reason


def test_calls_that_interleave_keep_their_indexes() -> None:
    events: list[Event] = [
        Started("c", "m"),
        PartOpened(0, ToolCall("a", "Read", "")),
        PartOpened(1, ToolCall("b", "Write", "")),
        PartGrew(0, '{"x"'),
        PartGrew(1, '{"y"'),
        PartGrew(0, ":1}"),
        PartGrew(1, ":2}"),
        PartSealed(0),
        PartSealed(1),
        Finished("tool_calls"),
    ]
    calls = accumulated(events).choices[0].message.tool_calls or []
    assert [call.function.arguments for call in calls] == ['{"x":1}', '{"y":2}']  # type: ignore[union-attr]


def test_the_role_comes_first_and_the_terminator_last() -> None:
    frames = told(unfold(replied(Text("hi"))))
    assert json.loads(frames[0])["choices"][0]["delta"] == {"role": "assistant", "content": ""}
    assert frames[-1] == "[DONE]"


def test_usage_is_told_only_to_those_who_asked() -> None:
    reply = replied(Text("hi"), usage=Usage(input=1, output=2))
    asked, quiet = told(unfold(reply)), told(unfold(reply), QUIET)
    last = json.loads(asked[-2])
    assert last["choices"] == []
    assert last["usage"] == {"prompt_tokens": 1, "completion_tokens": 2, "total_tokens": 3}
    assert len(quiet) == len(asked) - 1


def test_usage_that_is_unknown_is_not_invented() -> None:
    assert not any("usage" in frame for frame in told(unfold(replied(Text("hi")))))
    assert "usage" not in json.loads(DIALECT.write_reply(replied(Text("hi")), TELLING))


def test_a_failure_is_one_error_and_no_terminator() -> None:
    frames = told([Started("c", "m"), PartOpened(0, Text("")), Failed(problem(Kind.OVERLOADED, "Busy."))])
    assert json.loads(frames[-1])["error"] == {
        "message": "Busy.",
        "type": "server_error",
        "param": None,
        "code": "overloaded",
    }
    assert "[DONE]" not in frames


def test_a_failure_before_the_start_is_an_error_too() -> None:
    assert len(told([Failed(problem(Kind.TIMEOUT, "Late."))])) == 1


def test_a_beat_is_a_comment() -> None:
    assert DIALECT.writer(TELLING).write([Beat()]) == DIALECT.beat == b": ping\n\n"


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("end", "stop"),
        ("tool_calls", "tool_calls"),
        ("max_output", "length"),
        ("stop_sequence", "stop"),
        ("refusal", "content_filter"),
        ("pause", "length"),
        ("context_full", "length"),
        ("unknown", "unknown"),
    ],
)
def test_pitfall_119_every_reason_has_its_word(reason: Reason, word: str) -> None:
    reply = replied(Text("hi"), reason=reason)
    assert json.loads(told(unfold(reply))[-2])["choices"][0]["finish_reason"] == word
    assert json.loads(DIALECT.write_reply(reply, TELLING))["choices"][0]["finish_reason"] == word


def test_a_word_of_this_wire_that_was_not_understood_is_passed_on() -> None:
    finish = Finished("unknown", extras=Extras("openai_chat", {"finish_reason": Raw(b'"novel"')}))
    assert json.loads(told([Started("", ""), finish])[-2])["choices"][0]["finish_reason"] == "novel"


def test_an_answer_without_an_id_gets_the_exchange_s() -> None:
    assert json.loads(told([Started("", "")])[0])["id"] == "chatcmpl-x1"
    assert json.loads(DIALECT.write_reply(Reply(finish=Finished("end")), TELLING))["id"] == "chatcmpl-x1"


def test_extras_of_this_wire_are_told_again() -> None:
    extras = Extras("openai_chat", {"system_fingerprint": Raw(b'"fp"')})
    usage_extras = Extras("openai_chat", {"cost": Raw(b"0.1")})
    reply = replied(Text("hi"), extras=extras, usage_extras=usage_extras)
    frames = told(unfold(reply))
    whole = json.loads(DIALECT.write_reply(reply, TELLING))
    assert json.loads(frames[0])["system_fingerprint"] == whole["system_fingerprint"] == "fp"
    assert json.loads(frames[-2])["usage"]["cost"] == whole["usage"]["cost"] == 0.1
    foreign = replied(Text("hi"), extras=Extras("tongue", {"a": Raw(b"1")}), usage_extras=Extras("tongue", {}))
    assert "a" not in json.loads(told(unfold(foreign))[0])
    assert "a" not in json.loads(DIALECT.write_reply(foreign, TELLING))


def test_a_refusal_has_its_own_member() -> None:
    reply = replied(Refusal("I cannot."), reason="refusal")
    assert accumulated(unfold(reply)).choices[0].message.refusal == "I cannot."
    message = json.loads(DIALECT.write_reply(reply, TELLING))["choices"][0]["message"]
    assert (message["content"], message["refusal"]) == (None, "I cannot.")


def test_custom_calls_are_free_text() -> None:
    reply = replied(ToolCall("a", "patch", "*** Begin", "text"), ToolCall("b", "patch", "", "text"))
    deltas = [json.loads(frame)["choices"][0]["delta"] for frame in told(unfold(reply))[:-1]]
    assert deltas[1]["tool_calls"][0]["custom"] == {"name": "patch", "input": ""}
    assert deltas[2]["tool_calls"][0] == {"index": 0, "custom": {"input": "*** Begin"}}
    message = json.loads(DIALECT.write_reply(reply, TELLING))["choices"][0]["message"]
    assert message["tool_calls"][0]["custom"]["input"] == "*** Begin"
    assert message["tool_calls"][1]["custom"]["input"] == ""


def test_what_this_wire_cannot_say_is_told_in_words_or_left_out() -> None:
    reply = replied(
        ServerTool("tongue", "search", Raw(b"{}"), fallback="Found."),
        Unknown("tongue", "odd", Raw(b"{}"), seal=Seal("x", "y")),
        Image(Link("https://a.b/c.png")),
        Text("hi", seal=Seal("x", "y")),
    )
    assert accumulated(unfold(reply)).choices[0].message.content == "Found.hi"
    assert json.loads(DIALECT.write_reply(reply, TELLING))["choices"][0]["message"]["content"] == "Found.hi"


def test_growth_of_a_part_that_cannot_be_told_is_left_out() -> None:
    odd: list[Event] = [Started("c", "m"), PartOpened(0, Unknown("tongue", "odd", Raw(b"{}"))), PartGrew(0, "x")]
    assert len(told(odd)) == 1


# What is noted beside the text

NOTES: list[Event] = [
    Started("c", "m"),
    PartOpened(0, Text("")),
    PartGrew(0, "hi"),
    PartNoted(0, Extras("openai_chat", {"annotations": Raw(b'[{"a":1}]'), "audio": Raw(b'{"id":"x"}')})),
    PartNoted(0, Extras("openai_chat", {"logprobs": Raw(b'{"content":[{"token":"h"}]}')})),
    PartNoted(0, Extras("openai_chat", {"annotations": Raw(b'[{"b":2}]'), "logprobs": Raw(b'{"content":[1]}')})),
    PartNoted(0, Extras("tongue", {"citations": Raw(b"[]")})),
    PartSealed(0),
    Finished("end"),
]


def test_notes_of_this_wire_are_told_again() -> None:
    frames = [json.loads(frame)["choices"][0] for frame in told(NOTES)[:-1]]
    assert frames[2]["delta"] == {"annotations": [{"a": 1}], "audio": {"id": "x"}}
    assert frames[3]["logprobs"] == {"content": [{"token": "h"}]}
    assert frames[4]["delta"] == {"annotations": [{"b": 2}]}


def test_notes_are_gathered_in_a_whole_answer() -> None:
    choice = json.loads(DIALECT.write_reply(fold(NOTES[:6] + NOTES[7:]), TELLING))["choices"][0]
    assert choice["message"]["annotations"] == [{"a": 1}, {"b": 2}]
    assert choice["message"]["audio"] == {"id": "x"}
    assert choice["logprobs"] == {"content": [{"token": "h"}, 1]}


def test_notes_of_odd_forms_break_nothing() -> None:
    odd = Extras(
        "openai_chat",
        {"annotations": Raw(b"3"), "logprobs": Raw(b"[3,null]"), "audio": Raw(b"[]"), "content": Raw(b'["x"]')},
    )
    choice = json.loads(DIALECT.write_reply(replied(Text("hi", extras=odd)), TELLING))["choices"][0]
    assert choice["message"] == {"role": "assistant", "content": "hi", "annotations": [3]}


# Seals


def details(reply: Reply, telling: Telling = TELLING) -> list[Json]:
    """The entries of a stream, which must be those of the whole answer."""
    streamed: list[Json] = []
    for frame in told(unfold(reply), telling):
        if frame != "[DONE]":
            for choice in json.loads(frame)["choices"]:
                streamed += choice["delta"].get("reasoning_details", [])
    message = json.loads(DIALECT.write_reply(reply, telling))["choices"][0]["message"]
    assert message.get("reasoning_details", []) == streamed
    return streamed


SEALED = replied(
    Thinking("one", seal=Seal("claude", "sig1")),
    Thinking("", redacted=True, seal=Seal("claude", "hidden")),
    Thinking("three", seal=Seal("router", '{"type":"reasoning.text","signature":"sig3","index":1}')),
    Thinking("four", seal=Seal("router", '{"type":"reasoning.summary"}')),
    ToolCall("a", "Read", "{}", seal=Seal("gemini", "thought")),
    ToolCall("b", "Read", "{}", seal=Seal("router", '{"type":"reasoning.encrypted","data":"d","id":"b"}')),
)


def test_seals_are_carried_with_the_name_of_their_issuer() -> None:
    found = details(SEALED)
    assert [entry["type"].removeprefix("reasoning.") for entry in found] == [
        *("text", "encrypted", "text", "summary", "encrypted", "encrypted"),
    ]
    assert all((entry.get("signature") or entry["data"]).startswith("dgm1.") for entry in found)
    assert [entry.get("span") for entry in found] == [[0, 3], [3, 3], [3, 8], [8, 12], None, None]
    assert [entry.get("id") for entry in found] == [None, None, None, None, "a", "b"]


def test_the_vendor_s_sdk_adds_up_seals_that_come_one_after_the_other() -> None:
    calls = [ToolCall(name, "Read", "{}", seal=Seal("gemini", f"thought {name}")) for name in "abc"]
    message = accumulated([*unfold(replied(Thinking("hm", seal=Seal("claude", "sig")), *calls))]).choices[0].message
    found = message.model_dump()["reasoning_details"]
    assert [entry.get("id") for entry in found] == [None, "a", "b", "c"]
    assert [entry["index"] for entry in found] == [0, 1, 2, 3]


def test_seals_leave_bare_where_only_one_account_can_have_issued_them() -> None:
    found = details(SEALED, BARE)
    assert [entry.get("signature", entry.get("data")) for entry in found] == [
        *("sig1", "hidden", "sig3", None, "thought", "d"),
    ]


def test_thinking_without_a_signature_needs_no_entry_where_seals_are_bare() -> None:
    assert details(replied(Thinking("one", seal=Seal("deepseek", ""))), BARE) == []
    assert len(details(replied(Thinking("one", seal=Seal("deepseek", ""))))) == 1


def test_a_client_that_keeps_what_it_got_gives_every_seal_back() -> None:
    message = json.loads(DIALECT.write_reply(SEALED, TELLING))["choices"][0]["message"]
    body = {"model": "m", "messages": [{"role": "user", "content": "hi"}, message]}
    turn = DIALECT.read_request(json.dumps(body).encode()).turns[1]
    assert [(type(part), part.seal) for part in turn.parts] == [(type(part), part.seal) for part in SEALED.parts]
    assert [part.text for part in turn.parts if isinstance(part, Thinking)] == ["one", "", "three", "four"]


LEGACY = Telling(model="asked", exchange_id="x1", created_s=1, legacy_calls=True)


def test_a_client_of_functions_is_streamed_one_function_call() -> None:
    choices = [each for data in told(unfold(FULL), LEGACY)[:-1] for each in json.loads(data)["choices"]]
    deltas = [choice["delta"] for choice in choices]
    assert [delta["function_call"] for delta in deltas if "function_call" in delta] == [
        {"name": "Read", "arguments": ""},
        {"arguments": '{"path":"ä"}'},
    ]
    assert not [delta for delta in deltas if "tool_calls" in delta]
    assert choices[-1]["finish_reason"] == "function_call"


def test_a_client_of_functions_is_told_one_function_call_at_once() -> None:
    found = ChatCompletion.model_validate_json(DIALECT.write_reply(FULL, LEGACY), strict=True).choices[0]
    assert found.message.function_call is not None
    assert (found.message.function_call.name, found.message.function_call.arguments) == ("Read", '{"path":"ä"}')
    assert found.message.tool_calls is None
    assert found.finish_reason == "function_call"
