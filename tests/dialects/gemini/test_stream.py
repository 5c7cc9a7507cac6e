"""What an upstream may answer, and what is made of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from dragoman.canon.events import Beat, Failed, PartGrew, PartSealed, Started, UsageSeen
from dragoman.canon.problem import Kind
from dragoman.canon.request import (
    Audio,
    File,
    Image,
    Inline,
    Link,
    Seal,
    ServerTool,
    Stored,
    Text,
    Thinking,
    ToolCall,
    Unknown,
)
from dragoman.canon.schema import lower
from dragoman.canon.usage import Usage
from dragoman.dialects.base import Hearing
from dragoman.dialects.gemini import DIALECT
from dragoman.dialects.gemini.partial import PartialArguments, steps
from dragoman.dialects.gemini.schemas import PARAMETERS
from dragoman.dialects.sse import FRAME_LIMIT
from tests.dialects.gemini.stage import (
    HEARING,
    ORIGIN,
    call,
    chunk,
    ending,
    events,
    gist,
    heard,
    legal,
    scene,
    seals,
    sse,
    whole,
)


def test_an_array_of_chunks_is_read_like_a_stream() -> None:
    chunks = [chunk({"text": 'a "]}, {['}), chunk({"text": "\\"}), chunk({"text": "b"}, finish="STOP")]
    array = json.dumps(chunks, indent=2).encode()
    expected = heard(*chunks)
    reader = DIALECT.reader(HEARING)
    found = [event for place in range(len(array)) for event in reader.feed(array[place : place + 1])] + reader.close()
    assert [type(event).__name__ for event in legal(found)].count("PartGrew") == 3
    assert whole(array) == expected
    assert gist(expected) == [("text", 'a "]}, {[\\b')]


def test_a_whole_answer_in_place_of_a_stream_is_read() -> None:
    body = json.dumps(chunk({"text": "hi"}, finish="STOP")).encode()
    assert ending(_reply(b"\n " + body)) == "end"


def _reply(data: bytes) -> Any:
    from dragoman.canon.reply import fold

    return fold(events(data))


def test_a_page_in_place_of_an_answer_is_garbled() -> None:
    assert ending(_reply(b"<html><body>Sign in</body></html>")) == "garbled"
    assert ending(whole(b"<html></html>")) == "garbled"


@pytest.mark.parametrize("data", [b"", b"  \r\n", b": ping\n\n", b"[]", b"data: [DONE]\n\n", b"[1, 2]"])
def test_an_answer_without_an_event_is_cut_short(data: bytes) -> None:
    assert ending(_reply(data)) == "cut_short"


def test_a_comment_is_a_sign_of_life() -> None:
    assert DIALECT.reader(HEARING).feed(b"data: {}\n\n: ping\n\n") == [Beat()]
    assert DIALECT.reader(HEARING).feed(b"x: 1\n: ping\n\n") == [Beat()]


def test_a_terminator_of_another_wire_ends_the_answer() -> None:
    assert ending(heard(chunk({"text": "a"}, finish="STOP"), "[DONE]", chunk({"text": "b"}))) == "end"


@pytest.mark.parametrize(
    "data",
    [
        b"data: " + b"a" * (FRAME_LIMIT + 9),
        b'[{"a": "' + b"a" * (FRAME_LIMIT + 9),
        b'{"a": "' + b"a" * (FRAME_LIMIT + 9),
    ],
)
def test_f43_an_event_without_end_is_garbled(data: bytes) -> None:
    reader = DIALECT.reader(HEARING)
    last = reader.feed(data)[-1]
    assert isinstance(last, Failed)
    assert last.problem.kind is Kind.GARBLED
    assert reader.feed(b"more") == []
    assert reader.close() == []


def test_f43_a_whole_array_without_end_is_garbled() -> None:
    assert ending(whole(b'[{"a": "' + b"a" * (FRAME_LIMIT + 9))) == "garbled"


def test_f41_torn_characters_are_replaced() -> None:
    broken = sse(chunk({"text": "before X after"}, finish="STOP")).replace(b"X", b"\xff")
    assert gist(_reply(broken)) == [("text", "before � after")]
    half = sse(chunk({"text": "before X after"}, finish="STOP")).replace(b"X", b"\\ud83d")
    assert gist(_reply(half)) == [("text", "before � after")]


@pytest.mark.parametrize(
    "bad", ["{", "[1]", '{"candidates": 5}', '{"candidates": [{"content": {"parts": [{"text": 5}]}}]}']
)
def test_f40_a_broken_event_is_garbled_and_ends_the_answer(bad: str) -> None:
    reply = heard(chunk({"text": "a"}), bad, chunk({"text": "b"}, finish="STOP"))
    assert ending(reply) == "garbled"
    assert gist(reply)[:1] in ([("text", "a")], [])


def test_text_between_calls_keeps_its_place() -> None:
    reply = heard(
        chunk({"text": "one"}, call("Read", id="a"), {"text": "two"}, {"text": " three"}),
        chunk(call("Bash", id="b"), finish="STOP"),
    )
    assert [part[0] for part in gist(reply)] == ["text", "call", "text", "call"]
    assert ending(reply) == "tool_calls"


def test_pitfall_086_a_signature_seals_the_part_it_came_with() -> None:
    reply = heard(
        chunk({"text": "think", "thought": True, "thoughtSignature": "S1"}),
        chunk({"text": "say", "thoughtSignature": "S2"}, {"text": "more"}),
        chunk(call("Read", thoughtSignature="S3"), call("Bash"), finish="STOP"),
    )
    assert seals(reply) == ["S1", "S2", None, "S3", None]
    assert {part.seal.origin for part in reply.parts if part.seal} == {ORIGIN}


def test_unsigned_thinking_is_bound_to_its_account() -> None:
    assert heard(chunk({"text": "t", "thought": True}, {"text": "a"}, finish="STOP")).parts[0] == Thinking(
        "t", seal=Seal(ORIGIN, "")
    )


def test_a_signature_that_comes_after_the_text_seals_the_text() -> None:
    reply = heard(
        chunk({"text": "Hel"}), chunk({"text": "lo"}), chunk({"text": "", "thoughtSignature": "S"}, finish="STOP")
    )
    assert gist(reply) == [("text", "Hello")]
    assert seals(reply) == ["S"]


def test_a_signature_after_thinking_or_a_call_stands_alone() -> None:
    reply = heard(
        chunk({"text": "t", "thought": True}),
        chunk({"text": "", "thoughtSignature": "S1"}),
        chunk({"text": "u", "thought": True}),
        chunk(call("Read", id="a")),
        chunk({"text": "", "thoughtSignature": "S2"}, finish="STOP"),
    )
    assert [part[:2] for part in gist(reply)] == [
        ("thinking", "t"),
        ("text", ""),
        ("thinking", "u"),
        ("call", "a"),
        ("text", ""),
    ]
    assert seals(reply) == ["", "S1", "", None, "S2"]


def test_a_signature_alone_is_no_answer() -> None:
    found = events(sse(chunk({"text": "", "thoughtSignature": "S"}, finish="STOP")))
    assert [type(event) for event in found] == [Started, Failed]


def test_nothing_said_because_of_the_limit_is_told_as_that() -> None:
    assert ending(heard(chunk(finish="MAX_TOKENS"))) == "max_output"


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("STOP", "end"),
        ("MAX_TOKENS", "max_output"),
        ("SAFETY", "refusal"),
        ("RECITATION", "refusal"),
        ("PROHIBITED_CONTENT", "refusal"),
        ("BLOCKLIST", "refusal"),
        ("SPII", "refusal"),
        ("LANGUAGE", "refusal"),
        ("MALFORMED_FUNCTION_CALL", "upstream_error"),
        ("UNEXPECTED_TOOL_CALL", "upstream_error"),
        ("OTHER", "upstream_error"),
        ("MISSING_THOUGHT_SIGNATURE", "invalid_request"),
        ("PUP_LIMITED_DISABLED", "upstream_credential"),
        ("NOVEL_REASON", "unknown"),
    ],
)
def test_finish_reasons_mean(word: str, expected: str) -> None:
    assert ending(heard(chunk({"text": "a"}, finish=word))) == expected


def test_a_reason_s_own_word_is_kept_where_it_says_more() -> None:
    for word in ("RECITATION", "NOVEL_REASON", "CONTINUATION"):
        finish = heard(chunk({"text": "a"}, finish=word)).finish
        assert finish is not None
        assert finish.extras is not None
        assert finish.extras.members["finishReason"] == Raw(json.dumps(word).encode())
    assert heard(chunk({"text": "a"}, finish="STOP")).finish == heard(chunk({"text": "b"}, finish="STOP")).finish


def test_what_else_is_said_of_a_candidate_is_kept() -> None:
    body = chunk({"text": "a"}, finish="STOP")
    body["candidates"][0] |= {"avgLogprobs": -0.5, "citationMetadata": {"citationSources": []}, "finishMessage": "ok"}
    finish = heard(body).finish
    assert finish is not None
    assert finish.extras is not None
    assert sorted(finish.extras.members) == ["avgLogprobs", "citationMetadata", "finishMessage"]


def test_other_candidates_are_passed_over() -> None:
    body = chunk({"text": "first"}, finish="STOP")
    other = chunk({"text": "second"})["candidates"][0] | {"index": 1}
    body["candidates"].insert(0, other)
    assert gist(heard(body)) == [("text", "first")]


def test_content_behind_the_finish_reason_is_kept_and_the_first_reason_holds() -> None:
    reply = heard(chunk({"text": "a"}, finish="STOP"), chunk({"text": "b"}, finish="MAX_TOKENS"))
    assert gist(reply) == [("text", "ab")]
    assert ending(reply) == "end"


def test_a_prompt_that_was_looked_at_and_let_pass_is_no_block() -> None:
    reply = heard({"promptFeedback": {"safetyRatings": []}}, chunk({"text": "a"}, finish="STOP"))
    assert ending(reply) == "end"


def test_a_blocked_prompt_says_so_to_a_client_of_this_wire() -> None:
    finish = heard({"promptFeedback": {"blockReason": "SAFETY"}}).finish
    assert finish is not None
    assert finish.extras is not None
    assert json.loads(bytes(finish.extras.members["promptFeedback"])) == {"blockReason": "SAFETY"}


def test_usage_is_told_when_it_changes() -> None:
    counts = {"promptTokenCount": 5, "totalTokenCount": 5}
    found = events(
        sse(
            chunk({"text": "a"}, usageMetadata=counts),
            chunk({"text": "b"}, usageMetadata=counts),
            chunk({"text": "c"}, finish="STOP", usageMetadata=counts | {"candidatesTokenCount": 3}),
        )
    )
    assert [event.usage for event in found if isinstance(event, UsageSeen)] == [
        Usage(input=5),
        Usage(input=5, output=3),
    ]
    assert isinstance(found[1], UsageSeen), "directly behind the start, where a client's first event tells it"


@pytest.mark.parametrize("counts", [{}, {"promptTokenCount": "7"}, {"promptTokenCount": -1}, None])
def test_f49_odd_usage_says_nothing(counts: Any) -> None:
    assert heard(chunk({"text": "a"}, finish="STOP", usageMetadata=counts)).usage == Usage()


def test_f51_missing_and_repeated_ids_are_told_apart() -> None:
    reply = heard(
        chunk(call("Read", {"n": 1}, id="x"), call("Read", {"n": 2}, id="x"), call("Read"), call("Read"), finish="STOP")
    )
    ids = [part.id for part in reply.parts if isinstance(part, ToolCall)]
    assert ids[0] == "x"
    assert len(set(ids)) == 4
    again = [part.id for part in heard(chunk(*[call("Read")] * 2, finish="STOP")).parts if isinstance(part, ToolCall)]
    assert again == [p.id for p in heard(chunk(*[call("Read")] * 2, finish="STOP")).parts if isinstance(p, ToolCall)]


def test_names_texts_and_lowered_arguments_are_brought_back() -> None:
    schema = Raw(b'{"type":"object","properties":{"$id":{"type":"string"},"n":{"enum":[1,2]}}}')
    lowered = lower(schema, PARAMETERS)
    sent_name = next(iter(lowered.renames))
    hearing = Hearing(origin=ORIGIN, names={"t_1": "tool/1"}, text_tools=frozenset({"patch"}), lowered={"t_1": lowered})
    reply = heard(
        chunk(
            call("t_1", {sent_name: "a", "n": "2"}),
            call("patch", {"input": "*** Begin"}),
            call("patch", {"other": 1}),
            finish="STOP",
        ),
        hearing=hearing,
    )
    first, second, third = (part for part in reply.parts if isinstance(part, ToolCall))
    assert (first.name, json.loads(first.arguments)) == ("tool/1", {"$id": "a", "n": 2})
    assert (second.form, second.arguments) == ("text", "*** Begin")
    assert json.loads(third.arguments) == {"other": 1}


def test_media_and_the_vendor_s_own_parts_are_whole_parts() -> None:
    reply = heard(
        chunk(
            {"inlineData": {"mimeType": "audio/wav", "data": "UklGRg=="}},
            {"inlineData": {"mimeType": "video/mp4", "data": "AAAA"}},
            {"fileData": {"fileUri": "https://example.com/a.png", "mimeType": "image/png"}},
            {"fileData": {"fileUri": "https://generativelanguage.googleapis.com/v1beta/files/a"}},
            {"executableCode": {"code": "1"}, "thoughtSignature": "S"},
            {"functionResponse": {"name": "x", "response": {}}},
            {"novel": {"a": 1}, "thought": True},
            {"toolCall": {"id": "t", "toolType": "GOOGLE_SEARCH_WEB"}},
            finish="STOP",
        )
    )
    assert [type(part) for part in reply.parts] == [Audio, File, Image, File, ServerTool, Unknown, Unknown, ServerTool]
    image, stored, code, _, novel, tool = reply.parts[2:]
    assert isinstance(image, Image)
    assert image.source == Link("https://example.com/a.png")
    assert isinstance(stored, File)
    assert isinstance(stored.source, Stored)
    assert isinstance(code, ServerTool)
    assert (code.seal, code.fallback) == (Seal(ORIGIN, "S"), "[Code that was run]\n```\n1\n```")
    assert isinstance(novel, Unknown)
    assert json.loads(bytes(novel.raw)) == {"novel": {"a": 1}, "thought": True}
    assert isinstance(tool, ServerTool)
    assert tool.fallback is None


def test_a_part_with_more_than_words_is_a_part_of_its_own() -> None:
    reply = heard(chunk({"text": "a"}, {"text": "b", "partMetadata": {"x": 1}}, {"text": "c"}, finish="STOP"))
    assert [part[1] for part in gist(reply)] == ["a", "bc"]


def test_sources_of_a_search_are_told_in_words() -> None:
    part = _reply(scene("searches-the-web.sse")).parts[-1]
    assert isinstance(part, ServerTool)
    assert part.fallback == (
        "Sources:\n- python.org: https://vertexaisearch.cloud.google.com/grounding-api-redirect/AUZ"
    )


@pytest.mark.parametrize(
    "grounding",
    [
        {"webSearchQueries": ["x"]},
        {"groundingChunks": [{"web": {"title": "no address"}}, 5]},
        [],
        {"groundingChunks": 5},
    ],
)
def test_grounding_without_sources_says_nothing(grounding: Any) -> None:
    body = chunk({"text": "a"}, finish="STOP")
    body["candidates"][0]["groundingMetadata"] = grounding
    part = heard(body).parts[-1]
    assert isinstance(part, ServerTool)
    assert part.fallback is None


def test_a_source_without_a_title_is_told_by_its_address() -> None:
    body = chunk({"text": "a"}, finish="STOP")
    body["candidates"][0]["groundingMetadata"] = {"groundingChunks": [{"web": {"uri": "https://a.b"}}]}
    part = heard(body).parts[-1]
    assert isinstance(part, ServerTool)
    assert part.fallback == "Sources:\n- https://a.b"


def test_an_error_inside_an_answer_ends_it() -> None:
    reply = heard(
        chunk({"text": "a"}), {"error": {"code": 429, "message": "slow down", "status": "RESOURCE_EXHAUSTED"}}
    )
    assert ending(reply) == "rate_limited"
    assert ending(whole({"error": {"status": "UNAVAILABLE", "message": "x"}})) == "overloaded"
    assert ending(whole({"error": "words"})) == "upstream_error"


def test_a_call_whose_pieces_stop_coming_is_cut_short() -> None:
    piece = {
        "functionCall": {
            "name": "Write",
            "partialArgs": [{"jsonPath": "$.a", "stringValue": "x"}],
            "willContinue": True,
        }
    }
    reply = heard(chunk({"text": "a"}, piece), chunk(finish="STOP"))
    assert ending(reply) == "cut_short"
    assert gist(reply) == [("text", "a")]


def test_pieces_without_more_to_come_are_a_call_at_once() -> None:
    piece = {"functionCall": {"name": "Write", "partialArgs": [{"jsonPath": "$.a", "nullValue": "NULL_VALUE"}]}}
    assert gist(heard(chunk(piece, finish="STOP")))[0][2:] == ("Write", '{"a":null}')


def test_places_in_arguments() -> None:
    assert steps("$.files[0].name") == ["files", 0, "name"]
    assert steps("$['a b'][\"c\"].d") == ["a b", "c", "d"]
    arguments = PartialArguments()
    arguments.take(
        [
            {"jsonPath": "$.a", "stringValue": "x"},
            {"jsonPath": "$.a", "stringValue": "y"},
            {"jsonPath": "$.a.b", "numberValue": 1},
            {"json_path": "$.l[1]", "bool_value": False},
            {"jsonPath": "$.l.name", "numberValue": 2},
            {"jsonPath": "$[0]", "numberValue": 3},
            {"jsonPath": "$.far[99999]", "numberValue": 4},
            {"jsonPath": "", "numberValue": 5},
            "odd",
        ]
    )
    assert arguments.value == {"a": {"b": 1}, "l": [None, False], "0": 3}


def test_growth_is_told_as_it_comes() -> None:
    reader = DIALECT.reader(HEARING)
    first = reader.feed(sse(chunk({"text": "Hel"})))
    assert [type(event).__name__ for event in first] == ["Started", "PartOpened", "PartGrew"]
    assert reader.feed(sse(chunk({"text": "lo"}))) == [PartGrew(0, "lo")]
    assert reader.feed(sse(chunk({"text": "", "thoughtSignature": "S"}))) == [PartSealed(0, Seal(ORIGIN, "S"))]
    assert reader.feed(sse(chunk({"text": ""}))) == [Beat()]


def test_text_of_media_kinds() -> None:
    assert heard(chunk({"inlineData": {"data": "AA=="}}, finish="STOP")).parts == (
        File(Inline("application/octet-stream", "AA==")),
    )
    assert heard(chunk({}, {"text": "a"}, finish="STOP")).parts == (Text("a"),)
