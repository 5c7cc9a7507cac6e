"""What a client of this wire is told; every chunk and every answer is what the vendor's SDK reads."""

from __future__ import annotations

import json
from typing import Any

import pytest
from google.genai import types
from msgspec import Raw

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
    UsageSeen,
)
from dragoman.canon.problem import Kind, problem
from dragoman.canon.reply import Reply, unfold
from dragoman.canon.request import (
    Audio,
    Extras,
    File,
    Image,
    Inline,
    Link,
    Part,
    Refusal,
    Seal,
    ServerTool,
    Stored,
    Text,
    Thinking,
    ToolCall,
    Unknown,
)
from dragoman.canon.usage import Usage
from dragoman.dialects.gemini import DIALECT
from tests.dialects.gemini.stage import BARE, HEARING, TELLING, Json, frames, scene, told, whole

HEAR = HEARING
OWN = Extras("gemini", {"novel": Raw(b"1")})
CODE = ServerTool("gemini", "executableCode", Raw(b'{"executableCode":{"code":"1"}}'))
FOREIGN = Extras("other", {"novel": Raw(b"1")})


def parts_of(*found: Event) -> list[Json]:
    """The parts of all chunks of an answer with these events."""
    events = [Started("r", "m"), *found, Finished("end")]
    chunks = frames(told(events))
    return [part for each in chunks for part in each["candidates"][0]["content"]["parts"]]


def reply(*parts: Part, **members: Any) -> Json:
    """A whole answer, as the vendor's SDK reads it."""
    body = DIALECT.write_reply(Reply(id="r", parts=parts, finish=Finished("end"), **members), TELLING)
    types.GenerateContentResponse.model_validate_json(body)
    found: Json = json.loads(body)
    return found


def test_text_leaves_as_it_grows() -> None:
    writer = DIALECT.writer(TELLING)
    assert writer.write([Started("r", "m"), PartOpened(0, Text(""))]) == b""
    assert frames(writer.write([PartGrew(0, "Hel"), PartGrew(0, "lo")])) == [
        {
            "modelVersion": "asked",
            "responseId": "r",
            "candidates": [{"content": {"parts": [{"text": text}], "role": "model"}, "index": 0}],
        }
        for text in ("Hel", "lo")
    ]


def test_a_call_leaves_whole() -> None:
    head = ToolCall("c", "Read", "")
    growing: list[Event] = [PartOpened(0, head), PartGrew(0, '{"a"'), PartGrew(0, ": 1}")]
    writer = DIALECT.writer(TELLING)
    assert writer.write([Started("r", "m"), *growing]) == b""
    assert parts_of(*growing, PartSealed(0)) == [{"functionCall": {"id": "c", "name": "Read", "args": {"a": 1}}}]


@pytest.mark.parametrize(
    ("call", "text", "expected"),
    [
        (ToolCall("", "Read", ""), "", {"name": "Read", "args": {}}),
        (ToolCall("c", "Read", ""), "[1]", {"id": "c", "name": "Read", "args": {"__unparsed": "[1]"}}),
        (ToolCall("c", "patch", "", "text"), "*** ", {"id": "c", "name": "patch", "args": {"input": "*** "}}),
    ],
)
def test_arguments_are_always_an_object(call: ToolCall, text: str, expected: Json) -> None:
    growth = [PartGrew(0, text)] if text else []
    assert parts_of(PartOpened(0, call), *growth, PartSealed(0)) == [{"functionCall": expected}]


def test_signatures_follow_their_parts() -> None:
    seal = Seal("acme", "blob")
    wrapped = "ZGdtMS5ZV050WlEuYmxvYg=="
    assert parts_of(
        PartOpened(0, Thinking("")),
        PartGrew(0, "t"),
        PartSealed(0, seal),
        PartOpened(1, Text("")),
        PartGrew(1, "a"),
        PartSealed(1, seal),
        PartOpened(2, ToolCall("c", "Read", "")),
        PartSealed(2, seal),
        PartOpened(3, Thinking("", redacted=True)),
        PartSealed(3, seal),
        PartOpened(4, Thinking("", redacted=True)),
        PartSealed(4),
    ) == [
        {"text": "t", "thought": True},
        {"text": "", "thought": True, "thoughtSignature": wrapped},
        {"text": "a"},
        {"text": "", "thoughtSignature": wrapped},
        {"functionCall": {"id": "c", "name": "Read", "args": {}}, "thoughtSignature": wrapped},
        {"text": "", "thought": True, "thoughtSignature": "cmVkYWN0ZWQ6ZGdtMS5ZV050WlEuYmxvYg=="},
    ]


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        (Image(Inline("image/png", "AA==")), {"inlineData": {"mimeType": "image/png", "data": "AA=="}}),
        (Audio(Link("https://a/b")), {"fileData": {"fileUri": "https://a/b"}}),
        (File(Stored("gemini", "files/a"), extras=OWN), {"fileData": {"fileUri": "files/a"}, "novel": 1}),
        (File(text="x"), None),
        (
            ServerTool("gemini", "executableCode", Raw(b'{"executableCode":{"code":"1"}}')),
            {"executableCode": {"code": "1"}},
        ),
        (ServerTool("other", "search", Raw(b"{}"), "found"), {"text": "found"}),
        (Unknown("other", "novel", Raw(b"{}")), None),
        (Refusal("no"), {"text": "no"}),
    ],
)
def test_parts_are_said(part: Part, expected: Json | None) -> None:
    expect = [] if expected is None else [expected]
    found = Reply(parts=(part,), finish=Finished("end"))
    streamed = [p for each in _loose(unfold(found)) for p in each["candidates"][0]["content"]["parts"]]
    assert streamed == expect
    written = json.loads(DIALECT.write_reply(found, TELLING))
    assert written["candidates"][0]["content"]["parts"] == expect


def _loose(events: list[Event]) -> list[Json]:
    return frames(DIALECT.writer(TELLING).write(events))


def test_what_this_wire_itself_said_beside_text_is_said_again() -> None:
    for extras, beside in ((OWN, {"novel": 1}), (FOREIGN, {})):
        head = Text("", extras=extras)
        chunks = _loose([Started("r", "m"), PartOpened(0, head), PartGrew(0, "a"), PartSealed(0), Finished("end")])
        assert chunks[0]["candidates"][0]["content"]["parts"] == [{"text": "a", **beside}]


def test_what_was_searched_stands_beside_the_content() -> None:
    grounding = ServerTool("gemini", "groundingMetadata", Raw(b'{"webSearchQueries":["x"]}'), "Sources:")
    last = frames(told([Started("r", "m"), PartOpened(0, grounding), PartSealed(0), Finished("end")]))[-1]
    assert last["candidates"][0]["groundingMetadata"] == {"webSearchQueries": ["x"]}
    assert reply(Text("a"), grounding)["candidates"][0]["groundingMetadata"] == {"webSearchQueries": ["x"]}


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("end", "STOP"),
        ("tool_calls", "STOP"),
        ("max_output", "MAX_TOKENS"),
        ("stop_sequence", "STOP"),
        ("refusal", "SAFETY"),
        ("pause", "MAX_TOKENS"),
        ("context_full", "MAX_TOKENS"),
        ("unknown", "OTHER"),
    ],
)
def test_endings_are_told(reason: Reason, word: str) -> None:
    (last,) = frames(told([Started("r", "m"), Finished(reason)]))
    assert last["candidates"][0]["finishReason"] == word
    assert last["candidates"][0]["content"] == {"role": "model", "parts": []}


def test_words_of_refusal_end_as_one() -> None:
    events: list[Event] = [
        Started("r", "m"),
        PartOpened(0, Refusal("")),
        PartGrew(0, "no"),
        PartSealed(0),
        Finished("end"),
    ]
    assert frames(told(events))[-1]["candidates"][0]["finishReason"] == "SAFETY"
    assert reply(Refusal("no"))["candidates"][0]["finishReason"] == "SAFETY"


def test_the_vendor_s_own_word_and_block_are_told_again() -> None:
    for name in ("to-be-continued", "prompt-blocked", "stopped-by-safety"):
        reader = DIALECT.reader(HEARING)
        last = frames(told([*reader.feed(scene(f"{name}.sse")), *reader.close()], BARE))[-1]
        if name == "to-be-continued":
            assert last["candidates"][0]["finishReason"] == "CONTINUATION"
            assert last["candidates"][0]["continuationToken"] == "Q09OVA=="
        elif name == "prompt-blocked":
            assert last["promptFeedback"] == {"safetyRatings": [], "blockReason": "PROHIBITED_CONTENT"}
        else:
            assert last["candidates"][0]["safetyRatings"][0]["blocked"] is True


def test_usage_is_told_at_the_end_in_the_wire_s_own_way() -> None:
    usage = Usage(input=10, cache_read=100, cache_write_5m=5, output=50, thinking=20)
    (last,) = frames(told([Started("r", "m"), UsageSeen(Usage(input=10)), UsageSeen(usage), Finished("end")]))
    expected = {
        "promptTokenCount": 115,
        "candidatesTokenCount": 30,
        "totalTokenCount": 165,
        "cachedContentTokenCount": 100,
        "thoughtsTokenCount": 20,
    }
    assert last["usageMetadata"] == expected
    assert reply(Text("a"), usage=usage)["usageMetadata"] == expected
    assert "usageMetadata" not in reply(Text("a"))


def test_tokens_of_the_vendor_s_own_tools_stay_apart() -> None:
    found = whole(scene("searches-the-web.whole.json"))
    told_as = json.loads(DIALECT.write_reply(found, BARE))["usageMetadata"]
    assert (told_as["promptTokenCount"], told_as["toolUsePromptTokenCount"]) == (20, 11)


def test_an_answer_says_what_the_provider_said_of_it() -> None:
    extras = Extras("gemini", {"createTime": Raw(b'"2026-11-20T00:00:00Z"'), "responseId": Raw(b'"no"')})
    assert reply(Text("a"), extras=extras)["createTime"] == "2026-11-20T00:00:00Z"
    events: list[Event] = [
        Started("", "m", extras),
        PartOpened(0, Text("")),
        PartGrew(0, "a"),
        PartSealed(0),
        Finished("end"),
    ]
    first = frames(told(events))[0]
    assert (first["createTime"], first["responseId"]) == ("2026-11-20T00:00:00Z", "x1")


def test_a_failure_is_one_error() -> None:
    failed = Failed(problem(Kind.OVERLOADED, "busy", retry_after_s=2.5))
    assert frames(told([Started("r", "m"), failed])) == [
        {
            "error": {
                "code": 503,
                "message": "busy",
                "status": "UNAVAILABLE",
                "details": [{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "2.5s"}],
            }
        }
    ]


def test_a_client_that_waits_is_told_nothing() -> None:
    assert DIALECT.beat == b""
    writer = DIALECT.writer(TELLING)
    assert writer.write([Beat(), Started("r", "m"), PartOpened(0, Text("")), PartNoted(0, OWN), PartSealed(0)]) == b""
    assert writer.write([PartSealed(0)]) == b""


def test_an_answer_without_an_end_is_none() -> None:
    body = json.loads(DIALECT.write_reply(Reply(parts=(Text("a"),)), TELLING))
    assert body["candidates"][0]["finishReason"] == "OTHER"
