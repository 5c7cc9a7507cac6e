"""What upstreams stream, oddities included, as one answer."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.canon.events import Beat, Event, Failed, PartGrew, PartSealed, Started, UsageSeen
from dragoman.canon.problem import Kind
from dragoman.canon.reply import fold
from dragoman.canon.request import Seal, Text, ToolCall
from dragoman.canon.usage import Usage
from dragoman.dialects.base import Hearing
from dragoman.dialects.openai_chat import DIALECT
from dragoman.dialects.sse import FRAME_LIMIT
from tests.dialects.openai_chat.wire import (
    HEARING,
    ORIGIN,
    call,
    calls,
    chunk,
    ending,
    events,
    gist,
    heard,
    sse,
)

HI = chunk({"role": "assistant", "content": "hi"})
STOP = chunk({}, "stop")


def test_words_arrive_as_one_text() -> None:
    reply = heard(chunk({"role": "assistant", "content": ""}), chunk({"content": "he"}), chunk({"content": "y"}), STOP)
    assert (reply.id, reply.model) == ("chatcmpl-1", "m")
    assert gist(reply) == [("text", "hey")]
    assert ending(reply) == "end"


def test_the_first_word_is_told_at_once() -> None:
    reader = DIALECT.reader(HEARING)
    found = reader.feed(sse(HI, done=False))
    assert [type(event).__name__ for event in found] == ["Started", "PartOpened", "PartGrew"]


def test_pitfall_096_an_answer_without_a_finish_reason_is_broken() -> None:
    for done in (True, False):
        reply = heard(HI, done=done)
        assert gist(reply) == [("text", "hi")]
        assert ending(reply) == "cut_short"


def test_a_finish_reason_makes_up_for_a_missing_terminator() -> None:
    assert ending(heard(HI, STOP, done=False)) == "end"


def test_a_cut_call_is_never_sealed() -> None:
    found = events(sse(chunk(calls(call(0, "a", "Write", '{"path": "/e'))), done=False))
    assert not any(isinstance(event, PartSealed) for event in found)
    assert isinstance(found[-1], Failed)


@pytest.mark.parametrize("stream", [b"", b"\n\n", b"data: [DONE]\n\n", b": ping\n\n"])
def test_pitfall_094_an_empty_stream_is_an_error(stream: bytes) -> None:
    last = events(stream)[-1]
    assert isinstance(last, Failed)
    assert last.problem.kind is Kind.CUT_SHORT


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html><body>Sign in</body></html>", Kind.GARBLED),
        (b'{"error":{"message":"slow down","code":429}}', Kind.RATE_LIMITED),
        (b'{"detail":"Not Found"}', Kind.UPSTREAM_ERROR),
        (b'{"object":"error","message":"maximum context length is 10 tokens","code":400}', Kind.PROMPT_TOO_LONG),
        (b'{"status":"ok"}', Kind.CUT_SHORT),
        (b'{"broken', Kind.GARBLED),
        (b"[]", Kind.GARBLED),
    ],
)
def test_a_body_that_is_no_stream_is_an_error(body: bytes, kind: Kind) -> None:
    last = events([body[:3], body[3:]])[-1]
    assert isinstance(last, Failed)
    assert last.problem.kind is kind


def test_pitfall_109_a_whole_answer_in_place_of_a_stream_is_read() -> None:
    message = {"role": "assistant", "content": "hi", "tool_calls": [call(None, "a", "Read", "{}")]}
    body = {"id": "c", "model": "m", "choices": [{"index": 0, "message": message, "finish_reason": "tool_calls"}]}
    found = events(b"\n " + json.dumps(body, indent=1).encode())
    assert [event.text for event in found if isinstance(event, PartGrew)] == ["hi", "{}"]


def test_bytes_that_grow_without_end_are_refused() -> None:
    for start in (b"{", b"data: "):
        reader = DIALECT.reader(HEARING)
        found: list[Event] = reader.feed(start + b"x" * (FRAME_LIMIT + 1))
        assert isinstance(found[-1], Failed)
        assert found[-1].problem.kind is Kind.GARBLED
        assert reader.feed(b"more") == []
        assert reader.close() == []


def test_a_frame_that_is_not_json_ends_the_answer() -> None:
    reply = heard(HI, "{broken", STOP)
    assert ending(reply) == "garbled"


def test_pitfall_021_torn_characters_in_a_stream_are_replaced() -> None:
    stream = sse(HI, STOP).replace(b'"hi"', b'"a\\ud83d \\\\ud83d \\ud83d\\ude00 \xff"')
    reply_parts = [event.text for event in events(stream) if isinstance(event, PartGrew)]
    assert reply_parts == ["a\ufffd \\ud83d \U0001f600 \ufffd"]


def test_pitfall_104_comments_are_signs_of_life() -> None:
    found = events([b": OPENROUTER PROCESSING\n\n", sse(HI, STOP)])
    assert isinstance(found[0], Beat)


def test_an_empty_chunk_is_a_sign_of_life() -> None:
    found = events([sse(HI, done=False), sse(chunk({}), done=False), b"data:\n\n", sse(STOP)])
    assert [type(event).__name__ for event in found].count("Beat") == 2


def test_pitfall_107_unknown_members_are_passed_over() -> None:
    odd = {**chunk({"content": "hi", "novel": {"a": 1}}), "obfuscation": "xx", "service_tier": "flex"}
    reply = heard(odd, STOP)
    assert gist(reply) == [("text", "hi")]
    assert reply.extras is not None
    assert reply.extras.members.keys() == {"obfuscation", "service_tier"}


def test_pitfall_138_a_chunk_without_choices_starts_nothing() -> None:
    filtered = {"choices": [], "id": "", "model": "", "prompt_filter_results": []}
    found = events(sse(filtered, HI, STOP))
    assert isinstance(found[0], Beat)
    assert found[1] == Started("chatcmpl-1", "m")


def test_other_choices_than_the_first_are_passed_over() -> None:
    second = chunk({"content": "other"})
    second["choices"][0]["index"] = 1
    assert gist(heard(HI, second, STOP)) == [("text", "hi")]


# Endings


@pytest.mark.parametrize(
    ("word", "reason"),
    [
        ("stop", "end"),
        ("eos", "end"),
        ("end_turn", "end"),
        ("length", "max_output"),
        ("max_tokens", "max_output"),
        ("model_length", "context_full"),
        ("content_filter", "refusal"),
        ("SAFETY", "refusal"),
        ("stop_sequence", "stop_sequence"),
        ("pause_turn", "pause"),
        ("whatever", "unknown"),
        ("tool_calls", "unknown"),
    ],
)
def test_pitfall_120_every_finish_reason_has_a_meaning(word: str, reason: str) -> None:
    assert ending(heard(HI, chunk({}, word))) == reason


def test_an_unknown_finish_reason_keeps_its_word() -> None:
    finish = heard(HI, chunk({}, "whatever")).finish
    assert finish is not None
    assert finish.extras is not None
    assert bytes(finish.extras.members["finish_reason"]) == b'"whatever"'


@pytest.mark.parametrize("word", ["error", "insufficient_system_resource"])
def test_pitfall_097_a_finish_reason_may_tell_a_failure(word: str) -> None:
    assert ending(heard(HI, chunk({}, word))) == "cut_short"


def test_an_empty_finish_reason_is_none() -> None:
    assert ending(heard(chunk({"content": "a"}, ""), chunk({"content": "b"}, "null"), chunk({}, "stop"))) == "end"


def test_pitfall_108_the_first_finish_reason_counts_and_late_words_are_kept() -> None:
    reply = heard(chunk({"content": "a"}, "length"), chunk({"content": "b"}, "stop"))
    assert gist(reply) == [("text", "ab")]
    assert ending(reply) == "max_output"


def test_nothing_counts_after_the_terminator() -> None:
    found = events([sse(HI, STOP), sse(HI, STOP)])
    assert len([event for event in found if isinstance(event, PartGrew)]) == 1


def test_pitfall_122_the_stop_sequence_that_was_met_is_told() -> None:
    last = chunk({}, "stop")
    last["choices"][0]["stop_reason"] = "###"
    finish = heard(HI, last).finish
    assert finish is not None
    assert (finish.reason, finish.stop_text) == ("stop_sequence", "###")


def test_a_refusal_is_no_good_end() -> None:
    reply = heard(chunk({"refusal": "I can"}), chunk({"refusal": "not."}), STOP)
    assert gist(reply) == [("refusal", "I cannot.")]
    assert ending(reply) == "refusal"


# Errors inside a stream


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ({"code": 429, "message": "slow"}, Kind.RATE_LIMITED),
        ({"code": "502", "message": "bad gateway"}, Kind.UPSTREAM_ERROR),
        ({"type": "server_error", "message": "oops"}, Kind.UPSTREAM_ERROR),
        ({"type": "overloaded_error", "message": "busy"}, Kind.OVERLOADED),
        ({"code": "content_filter", "message": "no"}, Kind.REFUSED),
        ({"code": "rate_limit_exceeded", "message": "slow"}, Kind.RATE_LIMITED),
        (
            {"type": "invalid_request_error", "message": "prompt is too long: 3 tokens > 2 maximum"},
            Kind.PROMPT_TOO_LONG,
        ),
        ("plain words", Kind.UPSTREAM_ERROR),
        ({}, Kind.UPSTREAM_ERROR),
    ],
)
def test_pitfall_097_an_error_in_a_chunk_ends_the_answer(error: Any, kind: Kind) -> None:
    for before in ([], [HI]):
        reply = heard(*before, json.dumps({"error": error}), STOP)
        assert reply.problem is not None
        assert reply.problem.kind is kind


def test_an_error_beside_a_choice_comes_after_its_words() -> None:
    reply = heard(chunk({"content": "hi"}, "error", error={"code": 502, "message": "lost"}))
    assert gist(reply) == [("text", "hi")]
    assert ending(reply) == "upstream_error"


def test_an_event_named_error_ends_the_answer() -> None:
    for data in (b'{"message":"slow down","code":429}', b"lost"):
        last = events(sse(HI, done=False) + b"event: error\ndata: " + data + b"\n\n")[-1]
        assert isinstance(last, Failed)


# Calls


def test_pitfall_066_interleaved_calls_are_told_apart_by_index() -> None:
    reply = heard(
        chunk(calls(call(0, "a", "Read", ""))),
        chunk(calls(call(1, "b", "Write", ""))),
        chunk(calls(call(0, None, None, '{"x"'), call(1, None, None, '{"y"'))),
        chunk(calls(call(1, None, None, ":2}"), call(0, None, None, ":1}"))),
        chunk({}, "tool_calls"),
    )
    assert gist(reply) == [("call", "a", "Read", '{"x":1}'), ("call", "b", "Write", '{"y":2}')]
    assert ending(reply) == "tool_calls"


def test_pitfall_067_calls_all_at_index_0_are_told_apart_by_id() -> None:
    reply = heard(
        chunk(calls(call(0, "a", "Read", "{}"))),
        chunk(calls(call(0, "b", "Read", '{"p":'))),
        chunk(calls(call(0, "b", None, "1}"))),
        STOP,
    )
    assert gist(reply) == [("call", "a", "Read", "{}"), ("call", "b", "Read", '{"p":1}')]


def test_pitfall_067_calls_all_at_index_0_are_told_apart_by_name() -> None:
    reply = heard(chunk(calls(call(0, None, "Read", "{}"))), chunk(calls(call(0, None, "Write", "{}"))), STOP)
    assert [part[2] for part in gist(reply)] == ["Read", "Write"]
    assert len({part[1] for part in gist(reply)}) == 2


def test_calls_of_one_name_without_ids_are_told_apart_by_whole_arguments() -> None:
    reply = heard(chunk(calls(call(0, None, "Read", '{"p":1}'))), chunk(calls(call(0, None, "Read", '{"p":2}'))), STOP)
    assert [part[3] for part in gist(reply)] == ['{"p":1}', '{"p":2}']


def test_calls_without_index_are_told_apart_by_place() -> None:
    reply = heard(chunk(calls(call(None, "a", "Read", "{}"), call(None, "b", "Write", "{}"))), STOP)
    assert gist(reply) == [("call", "a", "Read", "{}"), ("call", "b", "Write", "{}")]


def test_an_id_that_returns_belongs_to_its_first_call() -> None:
    reply = heard(
        chunk(calls(call(0, "a", "Read", '{"x"'))),
        chunk(calls(call(0, "b", "Write", '{"y"'))),
        chunk(calls(call(0, "a", None, ":"))),
        chunk(calls(call(0, None, None, "1}"))),
        STOP,
    )
    assert gist(reply) == [("call", "a", "Read", '{"x":1}'), ("call", "b", "Write", '{"y"')]


def test_pitfall_068_a_late_name_is_waited_for() -> None:
    reply = heard(
        chunk(calls(call(0, "a", None, '{"x"'))),
        chunk(calls(call(0, None, "", ""))),
        chunk(calls(call(0, None, "Read", ":1}"))),
        STOP,
    )
    assert gist(reply) == [("call", "a", "Read", '{"x":1}')]


def test_pitfall_068_a_repeated_name_is_not_doubled() -> None:
    pieces = [chunk(calls(call(0, "a", "Read", piece))) for piece in ("", '{"x"', ":1", "}")]
    assert gist(heard(*pieces, STOP)) == [("call", "a", "Read", '{"x":1}')]


def test_pitfall_069_a_whole_call_beside_the_finish_reason_is_kept() -> None:
    assert gist(heard(chunk(calls(call(0, "a", "Read", "{}")), "tool_calls"))) == [("call", "a", "Read", "{}")]


def test_a_call_repeated_whole_at_the_end_counts_once() -> None:
    whole = call(0, "a", "Read", '{"x":1}')
    reply = heard(
        chunk(calls(call(0, "a", "Read", '{"x"'))), chunk(calls(call(0, None, None, ":1}"))), chunk(calls(whole)), STOP
    )
    assert gist(reply) == [("call", "a", "Read", '{"x":1}')]


def test_a_call_without_a_name_is_garbled() -> None:
    assert ending(heard(chunk(calls(call(0, "a", None, "{}"))), STOP)) == "garbled"


def test_pitfall_058_a_missing_id_is_made_and_is_the_same_each_time() -> None:
    stream = (chunk(calls(call(0, "", "Read", "{}"))), STOP)
    one, two = gist(heard(*stream))[0], gist(heard(*stream))[0]
    assert one == two
    assert one[1].startswith("call_")


def test_ids_of_answers_without_an_id_are_made_from_their_bytes() -> None:
    def of(created: int) -> str:
        first = {**chunk(calls(call(0, None, "Read", "{}")), id=None), "created": created}
        return gist(heard(first, STOP))[0][1]

    assert of(1) != of(2)


def test_f51_a_doubled_id_is_made_unique() -> None:
    reply = heard(chunk(calls(call(0, "a", "Read", "{}"))), chunk(calls(call(1, "a", "Read", "{}"))), STOP)
    first, second = (part[1] for part in gist(reply))
    assert first == "a"
    assert second != "a"


def test_pitfall_118_a_stop_beside_calls_means_calls() -> None:
    assert ending(heard(chunk(calls(call(0, "a", "Read", "{}"))), STOP)) == "tool_calls"


def test_pitfall_064_a_call_cut_by_the_limit_says_so() -> None:
    assert ending(heard(chunk(calls(call(0, "a", "Read", '{"x'))), chunk({}, "length"))) == "max_output"


def test_the_older_function_call_is_a_call() -> None:
    reply = heard(
        chunk({"function_call": {"name": "Read", "arguments": ""}}),
        chunk({"function_call": {"arguments": "{}"}}),
        chunk({}, "function_call"),
    )
    assert gist(reply)[0][2:] == ("Read", "{}")
    assert ending(reply) == "tool_calls"


def test_a_custom_tool_s_call_is_free_text() -> None:
    opened: dict[str, Any] = {"index": 0, "id": "a", "type": "custom", "custom": {"name": "patch", "input": "*"}}
    reply = heard(chunk(calls(opened)), chunk(calls({"index": 0, "custom": {"input": "**"}})), STOP)
    assert reply.parts == (ToolCall("a", "patch", "***", "text"),)


@pytest.mark.parametrize(("arguments", "text"), [('{"input":"***"}', "***"), ("{broken", "{broken"), ("[]", "[]")])
def test_free_text_that_was_asked_for_as_json_is_free_again(arguments: str, text: str) -> None:
    hearing = Hearing(origin=ORIGIN, names={"patch_1": "patch"}, text_tools=frozenset({"patch_1"}))
    pieces = [chunk(calls(call(0, None, None, piece))) for piece in arguments]
    reply = fold(events(sse(chunk(calls(call(0, "a", "patch_1", ""))), *pieces, STOP), hearing))
    assert reply.parts == (ToolCall("a", "patch", text, "text"),)


def test_pitfall_063_arguments_given_as_an_object_are_text() -> None:
    odd: dict[str, Any] = {"index": "0", "id": 7, "function": {"name": "Read", "arguments": {"x": 1}}}
    assert gist(heard(chunk(calls(odd)), STOP)) == [("call", "7", "Read", '{"x":1}')]


def test_names_are_given_back_as_the_client_knows_them() -> None:
    hearing = Hearing(origin=ORIGIN, names={"Read_1234": "files.read"})
    found = events(sse(chunk(calls(call(0, "a", "Read_1234", "{}"))), STOP), hearing)
    assert [event.head.name for event in found if hasattr(event, "head") and isinstance(event.head, ToolCall)] == [
        "files.read"
    ]


def test_pitfall_088_text_after_a_call_is_a_part_of_its_own() -> None:
    reply = heard(HI, chunk(calls(call(0, "a", "Read", "{}"))), chunk({"content": "done"}), STOP)
    assert [part[0] for part in gist(reply)] == ["text", "call", "text"]


def test_content_in_odd_forms_is_read() -> None:
    parts = [{"type": "text", "text": "a"}, "b", {"type": "other"}, 3]
    reply = heard(chunk({"content": parts, "tool_calls": {}, "reasoning_details": {}}), chunk({"content": 1}), STOP)
    assert gist(reply) == [("text", "ab1")]


def test_members_of_odd_types_are_passed_over() -> None:
    odd = chunk({"content": "hi", "tool_calls": [{"function": "x"}], "reasoning_details": [1], "function_call": 3})
    odd |= {"usage": {"prompt_tokens": 1}, "id": True}
    odd["choices"] = [*odd["choices"], 3]
    odd["choices"][0] |= {"logprobs": [], "stop_reason": {}}
    reply = heard(
        odd, {**chunk(), "choices": {}}, {**chunk({}, "stop"), "choices": [{"delta": 1, "finish_reason": 1}]}, STOP
    )
    assert ending(reply) == "garbled", "a call without a name"


# Thinking


@pytest.mark.parametrize("member", ["reasoning_content", "reasoning"])
def test_pitfall_084_thinking_is_read_under_every_name(member: str) -> None:
    reply = heard(chunk({member: "I "}), chunk({member: "think", "content": ""}), HI, STOP)
    assert gist(reply) == [("thinking", "I think"), ("text", "hi")]
    assert reply.parts[0].seal == Seal(ORIGIN, "")


def text_entry(index: int, **members: Any) -> dict[str, Any]:
    return {"type": "reasoning.text", "index": index, "format": "x", **members}


def test_thinking_in_entries_is_read_once_and_keeps_its_signature() -> None:
    reply = heard(
        chunk({"reasoning": "I ", "reasoning_details": [text_entry(0, text="I ", signature=None)]}),
        chunk({"reasoning": "think", "reasoning_details": [text_entry(0, text="think")]}),
        chunk({"reasoning_details": [text_entry(0, signature="sig")]}),
        chunk({"reasoning_details": [text_entry(1, text="more")]}),
        HI,
        STOP,
    )
    assert gist(reply) == [("thinking", "I think"), ("thinking", "more"), ("text", "hi")]
    seal = reply.parts[0].seal
    assert seal is not None
    assert json.loads(seal.blob) == {"type": "reasoning.text", "index": 0, "format": "x", "signature": "sig"}


def test_entries_of_another_index_are_another_part() -> None:
    reply = heard(chunk({"reasoning_details": [text_entry(0, text="a"), text_entry(1, text="b")]}), STOP)
    assert gist(reply) == [("thinking", "a"), ("thinking", "b")]


def test_a_signature_without_words_is_a_part_of_its_own() -> None:
    reply = heard(chunk({"reasoning_details": [text_entry(0, signature="sig")]}), HI, STOP)
    assert gist(reply) == [("thinking", ""), ("text", "hi")]


def test_words_and_hidden_thinking_of_one_chunk_are_two_parts() -> None:
    hidden = {"type": "reasoning.encrypted", "data": "xyz", "id": "rs_1"}
    reply = heard(chunk({"reasoning": "in short", "reasoning_details": [hidden]}), HI, STOP)
    assert gist(reply) == [("thinking", "in short"), ("thinking", ""), ("text", "hi")]
    seal = reply.parts[1].seal
    assert seal is not None
    assert json.loads(seal.blob) == hidden


def test_an_entry_with_a_call_s_id_is_the_call_s_seal() -> None:
    hidden = {"type": "reasoning.encrypted", "data": "xyz", "id": "a"}
    reply = heard(chunk({**calls(call(0, "a", "Read", "{}")), "reasoning_details": [hidden]}), STOP)
    assert gist(reply) == [("call", "a", "Read", "{}")]
    seal = reply.parts[0].seal
    assert seal is not None
    assert json.loads(seal.blob) == hidden


@pytest.mark.parametrize("size", [1, 2, 3, 5, 7, 100])
def test_pitfall_085_thinking_between_tags_is_told_apart(size: int) -> None:
    text = "\n<think>why < 3?</ think></think>\n\nbecause <think>"
    pieces = [chunk({"content": text[start : start + size]}) for start in range(0, len(text), size)]
    assert gist(heard(*pieces, STOP, think_tags=True)) == [
        ("thinking", "why < 3?</ think>"),
        ("text", "because <think>"),
    ]


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("<thin", [("text", "<thin")]),
        ("<think>open</th", [("thinking", "open</th")]),
        ("<think></think>\n", []),
        ("  plain", [("text", "  plain")]),
    ],
)
def test_tags_that_are_not_whole_are_what_they_are(text: str, parts: list[tuple[str, ...]]) -> None:
    assert gist(heard(chunk({"content": text}), STOP, think_tags=True)) == parts
    assert gist(heard(*(chunk({"content": each}) for each in text), STOP, think_tags=True)) == parts


def test_tags_are_text_where_no_habit_says_otherwise() -> None:
    assert gist(heard(chunk({"content": "<think>a</think>b"}), STOP)) == [("text", "<think>a</think>b")]


# Beside the text


def test_log_probabilities_and_annotations_are_noted() -> None:
    noted = chunk({"content": "hi", "annotations": [{"type": "url_citation"}], "audio": {"id": "x"}})
    noted["choices"][0]["logprobs"] = {"content": [{"token": "hi"}]}
    late = chunk({**calls(call(0, "a", "Read", "{}"))})
    late["choices"][0]["logprobs"] = {"content": []}
    reply = heard(noted, chunk({"annotations": []}), late, STOP)
    text = reply.parts[0]
    assert isinstance(text, Text)
    assert text.extras is not None
    assert text.extras.members.keys() == {"annotations", "audio", "logprobs"}


# Usage


@pytest.mark.parametrize(
    ("said", "usage"),
    [
        ({"prompt_tokens": 10, "completion_tokens": 5}, Usage(input=10, output=5)),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 15,
                "prompt_tokens_details": {"cached_tokens": 4, "cache_write_tokens": 2},
                "completion_tokens_details": {"reasoning_tokens": 3},
            },
            Usage(input=4, cache_read=4, cache_write_5m=2, output=5, thinking=3),
        ),
        (
            {"prompt_tokens": 10, "prompt_cache_hit_tokens": 8, "prompt_cache_miss_tokens": 2, "completion_tokens": 1},
            Usage(input=2, cache_read=8, output=1),
        ),
        ({"prompt_tokens": 10, "cached_tokens": 8, "completion_tokens": 1}, Usage(input=2, cache_read=8, output=1)),
        (
            {"prompt_tokens": 10, "completion_tokens": 1, "cache_creation_input_tokens": 3},
            Usage(input=7, cache_write_5m=3, output=1),
        ),
        (
            {
                "prompt_tokens": 10,
                "completion_tokens": 5,
                "total_tokens": 22,
                "completion_tokens_details": {"reasoning_tokens": 7},
            },
            Usage(input=10, output=12, thinking=7),
        ),
        ({"prompt_tokens": 3, "prompt_tokens_details": {"cached_tokens": 9}}, Usage(input=0, cache_read=9)),
        ({"prompt_tokens": "10", "completion_tokens": -1, "prompt_tokens_details": 3}, Usage()),
        ({"prompt_tokens": 0, "completion_tokens": 0}, Usage(output=0)),
    ],
)
def test_pitfall_115_and_116_counts_never_overlap(said: dict[str, Any], usage: Usage) -> None:
    assert heard(HI, STOP, chunk(usage=said)).usage == usage


def test_pitfall_112_usage_may_come_late_often_or_not() -> None:
    reply = heard(
        {**HI, "usage": None},
        {**STOP, "usage": {"prompt_tokens": 9, "completion_tokens": 1}},
        chunk(usage={"prompt_tokens": 9, "completion_tokens": 2, "cost": 0.1}),
        chunk(usage=[1]),
        chunk(usage={}),
    )
    assert reply.usage == Usage(input=9, output=2)
    assert reply.usage_extras is not None
    assert reply.usage_extras.members.keys() == {"cost"}
    assert ending(reply) == "end"


def test_usage_before_all_else_starts_the_answer() -> None:
    found = events(sse(chunk(usage={"prompt_tokens": 9}), HI, STOP))
    assert isinstance(found[0], Started)
    assert isinstance(found[1], UsageSeen)


# Whole answers


def whole(message: dict[str, Any], finish: str | None = "stop", **members: Any) -> bytes:
    choice = {"index": 0, "message": {"role": "assistant", **message}, "finish_reason": finish}
    return json.dumps({"id": "c", "object": "chat.completion", "model": "m", "choices": [choice], **members}).encode()


def test_a_whole_answer_is_read_as_a_stream_of_one_chunk() -> None:
    message = {"content": None, "reasoning_content": "hm", "tool_calls": [call(None, "a", "Read", "{}")]}
    found = DIALECT.read_reply(whole(message, usage={"prompt_tokens": 3}), HEARING)
    assert [type(event).__name__ for event in found] == [
        *("Started", "PartOpened", "PartGrew", "PartSealed", "PartOpened", "PartGrew", "UsageSeen"),
        *("PartSealed", "Finished"),
    ]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"", Kind.GARBLED),
        (b"<html>", Kind.GARBLED),
        (b'{"error":{"message":"no","code":"rate_limit_exceeded"}}', Kind.RATE_LIMITED),
        (b'{"choices":[]}', Kind.CUT_SHORT),
        (whole({"content": "hi"}, None), Kind.CUT_SHORT),
    ],
)
def test_f18_and_f38_a_whole_answer_that_is_none_is_an_error(body: bytes, kind: Kind) -> None:
    last = DIALECT.read_reply(body, HEARING)[-1]
    assert isinstance(last, Failed)
    assert last.problem.kind is kind
