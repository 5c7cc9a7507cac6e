"""What the reader makes of an upstream's stream, and of its whole answers."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from msgspec import Raw

from dragoman.canon.events import Beat, Event, Failed, Finished, PartGrew, PartNoted, PartOpened, Started, UsageSeen
from dragoman.canon.problem import Kind, Problem
from dragoman.canon.reply import fold
from dragoman.canon.request import Extras, Part, Seal, ServerTool, Text, Thinking, ToolCall, Unknown
from dragoman.canon.usage import Usage
from dragoman.dialects.anthropic import DIALECT
from dragoman.dialects.base import Hearing
from tests.dialects.anthropic.stage import HEARING, TWINS, heard, heard_reply, stream, whole

START = b'event: message_start\ndata: {"type":"message_start","message":{"id":"m1","model":"big","usage":{}}}\n\n'
END = b'event: message_delta\ndata: {"type":"message_delta","delta":{"stop_reason":"end_turn"}}\n\n'
STOP = b'event: message_stop\ndata: {"type":"message_stop"}\n\n'


def frame(kind: str, **members: Any) -> bytes:
    """One event, without an `event:` line."""
    return b"data: " + json.dumps({"type": kind, **members}).encode() + b"\n\n"


def block(index: int, start: dict[str, Any], *deltas: dict[str, Any]) -> bytes:
    """A whole block."""
    return b"".join(
        [
            frame("content_block_start", index=index, content_block=start),
            *(frame("content_block_delta", index=index, delta=delta) for delta in deltas),
            frame("content_block_stop", index=index),
        ]
    )


def failure(events: list[Event]) -> Problem:
    """The problem with which these events end."""
    last = events[-1]
    assert isinstance(last, Failed)
    return last.problem


def parts(name: str) -> tuple[Part, ...]:
    """The parts of a scene."""
    return heard_reply(stream(name)).parts


def test_text_and_a_call_are_read_event_by_event() -> None:
    events = heard(stream("text-then-call"))
    assert events[0] == Started("msg_01XFDUDYJgAACzvnptvVoYEL", "claude-opus-5-5-20260901")
    assert isinstance(events[1], UsageSeen)
    assert events[2] == Beat()
    assert [event.text for event in events if isinstance(event, PartGrew)] == [
        "Okay",
        ", let's check — ✓",
        '{"location":',
        ' "San Francisco, CA"}',
    ]
    assert events[-1] == Finished("tool_calls")


def test_pitfall_076_a_signature_is_sealed_with_its_account() -> None:
    assert parts("thinking-then-text") == (
        Thinking("Let me solve this.\n", seal=Seal("acme", "EqQBCgIYAhIM1gbcDa9GJwZA2b3h")),
        Text("27"),
    )
    assert parts("thinking-not-shown")[0] == Thinking("", seal=Seal("acme", "EosnCkYICxIMMb3LzNrMu"))


def test_unsigned_thinking_is_sealed_too_so_that_it_finds_its_way_back() -> None:
    data = START + block(0, {"type": "thinking"}, {"type": "thinking_delta", "thinking": "hm"}) + END
    assert heard_reply(data).parts == (Thinking("hm", seal=Seal("acme", "")),)


def test_pitfall_079_redacted_thinking_is_a_seal() -> None:
    (redacted, _) = parts("thinking-redacted")
    assert isinstance(redacted, Thinking)
    assert redacted.redacted
    assert redacted.seal
    assert redacted.seal.blob.startswith("EmwKAhgB")


@pytest.mark.parametrize("name", ["call-without-arguments", "call-whole-at-its-start"])
def test_pitfall_062_a_call_has_arguments_without_deltas(name: str) -> None:
    (call,) = parts(name)
    assert isinstance(call, ToolCall)
    assert json.loads(call.arguments) == ({} if name == "call-without-arguments" else {"file_path": "/b"})


def test_pitfall_066_interleaved_calls_keep_their_own_arguments() -> None:
    assert parts("two-blocks-interleaved") == (
        ToolCall("toolu_g", "A", '{"a":1}'),
        ToolCall("toolu_h", "B", '{"b":2}'),
    )


def test_indices_that_jump_become_dense() -> None:
    assert parts("indices-that-jump") == (Text("A"), ToolCall("toolu_f", "Read", "{}"))


def test_fault_51_calls_without_ids_of_their_own_are_told_apart() -> None:
    uses: list[dict[str, Any]] = [
        {"type": "tool_use", "id": given, "name": "n", "input": {}} for given in ("t", "t", "")
    ]
    reply = heard_reply(START + b"".join(block(index, use) for index, use in enumerate(uses)) + END)
    ids = [part.id for part in reply.parts if isinstance(part, ToolCall)]
    assert ids[0] == "t"
    assert len(set(ids)) == 3
    assert all(ids)


def test_names_are_told_as_the_client_knows_them() -> None:
    hearing = Hearing(origin="acme", names={"get_weather": "get.weather"})
    call = heard_reply(stream("text-then-call"), hearing=hearing).parts[1]
    assert isinstance(call, ToolCall)
    assert call.name == "get.weather"


@pytest.mark.parametrize(
    ("deltas", "expected"),
    [
        (['{"inp', 'ut": "*** Be', 'gin\\n"}'], "*** Begin\n"),
        ([], ""),
        (['{"input": 7}'], '{"input": 7}'),
        (['{"cut'], '{"cut'),
    ],
)
def test_a_call_to_a_tool_of_free_text_is_text_again(deltas: list[str], expected: str) -> None:
    hearing = Hearing(origin="acme", names={"apply_patch_1": "apply patch"}, text_tools=frozenset({"apply_patch_1"}))
    use = {"type": "tool_use", "id": "t", "name": "apply_patch_1", "input": {} if deltas else {"input": ""}}
    data = block(0, use, *({"type": "input_json_delta", "partial_json": piece} for piece in deltas))
    call = ToolCall("t", "apply patch", expected, "text")
    assert heard_reply(START + data + END, hearing=hearing).parts == (call,)
    arguments = json.loads("".join(deltas)) if expected in ("*** Begin\n", '{"input": 7}') else {"input": expected}
    whole_answer = {"content": [use | {"input": arguments}], "stop_reason": "tool_use"}
    assert fold(DIALECT.read_reply(json.dumps(whole_answer).encode(), hearing)).parts == (call,)


def test_what_the_vendor_ran_itself_is_carried_whole() -> None:
    use, result, text = parts("web-search-with-citation")
    assert isinstance(use, ServerTool)
    assert json.loads(bytes(use.raw)) == {
        "type": "server_tool_use",
        "id": "srvtoolu_01",
        "name": "web_search",
        "input": {"query": "weather NYC"},
    }
    assert use.fallback == "[web_search] weather NYC"
    assert isinstance(result, ServerTool)
    assert result.fallback == "Weather in New York: https://example.com/ny"
    assert isinstance(text, Text)
    assert text.text == "It is 62°F."
    assert text.extras
    assert json.loads(bytes(text.extras.members["citations"]))[0]["cited_text"] == "62"


def test_a_held_block_gives_signs_of_life_and_is_never_shown_if_cut() -> None:
    data = stream("web-search-with-citation")
    events = heard(data[: data.index(b"web_search_tool_result")])
    assert Beat() in events
    assert not any(isinstance(event, PartOpened) and isinstance(event.head, Unknown) for event in events)
    assert failure(events).kind is Kind.CUT_SHORT


def test_pitfall_107_unknown_blocks_and_deltas_are_kept_and_unknown_events_are_life() -> None:
    compaction, text = parts("compaction-block")
    assert isinstance(compaction, Unknown)
    assert json.loads(bytes(compaction.raw)) == {"type": "compaction", "content": "We built a boat."}
    assert text == Text("Go on.")
    events = heard(stream("unknown-events-and-deltas"))
    assert Beat() in events
    notes = [event for event in events if isinstance(event, PartNoted)]
    assert [json.loads(bytes(note.extras.members["mood_delta"])) for note in notes] == [
        {"type": "mood_delta", "mood": "calm"}
    ]
    assert parts("unknown-events-and-deltas")[0].extras


def test_a_held_block_takes_what_its_deltas_bring() -> None:
    start = {"type": "compaction", "content": {"a": 1}}
    data = START + block(0, start, {"type": "compaction_delta", "content": "x", "more": None, "extra": 1}) + END
    (held,) = heard_reply(data).parts
    assert isinstance(held, Unknown)
    assert json.loads(bytes(held.raw)) == {"type": "compaction", "content": "x", "extra": 1}


def test_extras_of_an_answer_are_kept() -> None:
    message = {"id": "m", "model": "b", "usage": {}, "container": {"id": "c"}, "diagnostics": None}
    reply = heard_reply(frame("message_start", message=message) + stream("safeguard-results").partition(b"\n\n")[2])
    assert reply.extras == Extras("anthropic", {"container": Raw(b'{"id": "c"}')})
    assert reply.finish
    assert reply.finish.extras
    assert set(reply.finish.extras.members) == {"safeguard_results"}


# Usage


def test_pitfall_115_counts_are_disjoint_and_cumulative() -> None:
    reply = heard_reply(stream("cache-written-for-an-hour"))
    assert reply.usage == Usage(3, 20_000, 300, 1000, 40, 12)
    plain = heard_reply(stream("web-search-with-citation"))
    assert plain.usage == Usage(10_682, 0, 0, None, 510, None)
    assert plain.usage_extras
    assert set(plain.usage_extras.members) == {"service_tier", "server_tool_use"}


@pytest.mark.parametrize(
    ("usage", "expected"),
    [
        ({}, Usage()),
        ({"input_tokens": "many", "output_tokens": -3, "cache_read_input_tokens": True}, Usage()),
        ({"input_tokens": 4.0, "output_tokens": None}, Usage(4)),
        ({"cache_creation": {"ephemeral_5m_input_tokens": 2}}, Usage(cache_write_5m=2)),
        ({"cache_creation_input_tokens": 5}, Usage(cache_write_5m=5)),
    ],
)
def test_pitfall_112_odd_usage_never_breaks_an_answer(usage: dict[str, Any], expected: Usage) -> None:
    data = frame("message_start", message={"id": "m", "model": "b", "usage": usage}) + END + STOP
    assert heard_reply(data).usage == expected


# Endings


@pytest.mark.parametrize(
    ("name", "finish"),
    [
        ("thinking-then-text", Finished("end")),
        ("text-then-call", Finished("tool_calls")),
        ("output-limit-in-a-call", None),
        ("stopped-by-sequence", Finished("stop_sequence", "three")),
    ],
)
def test_pitfall_120_stop_reasons_are_read_as_a_table(name: str, finish: Finished | None) -> None:
    reply = heard_reply(stream(name))
    assert reply.finish == (finish or Finished("max_output"))


def test_pitfall_119_a_refusal_is_told_with_its_details() -> None:
    finish = heard_reply(stream("refused")).finish
    assert finish
    assert finish.reason == "refusal"
    assert finish.extras
    assert json.loads(bytes(finish.extras.members["stop_details"]))["category"] == "cyber"


@pytest.mark.parametrize(
    ("word", "reason"), [("pause_turn", "pause"), ("model_context_window_exceeded", "context_full")]
)
def test_pitfall_121_rare_stop_reasons_are_told_apart(word: str, reason: str) -> None:
    finish = heard_reply(START + frame("message_delta", delta={"stop_reason": word}) + STOP).finish
    assert finish == Finished(reason)  # type: ignore[arg-type] # one of the reasons


def test_pitfall_120_a_new_stop_reason_is_unknown_and_keeps_its_word() -> None:
    assert heard_reply(stream("stopped-for-a-new-reason")).finish == Finished(
        "unknown", extras=Extras("anthropic", {"stop_reason": Raw(b'"compaction"')})
    )
    odd = heard_reply(START + frame("message_delta", delta={"stop_reason": 7}) + STOP).finish
    assert odd
    assert odd.reason == "unknown"


def test_pitfall_064_arguments_cut_by_the_output_limit_stay_cut() -> None:
    assert parts("output-limit-in-a-call") == (ToolCall("toolu_e", "Write", '{"file_path":"/x","content":"he'),)


def test_pitfall_096_a_stream_without_a_stop_reason_is_cut() -> None:
    for data in (START, START + block(0, {"type": "text", "text": "a"}), START + STOP, b"", STOP):
        assert failure(heard(data)).kind is Kind.CUT_SHORT


def test_a_missing_message_stop_is_forgiven_once_the_reason_is_known() -> None:
    data = START + block(0, {"type": "text", "text": "a"}) + END
    assert heard_reply(data).finish == Finished("end")
    assert heard_reply(data[:-2]).finish == Finished("end")
    assert heard_reply((data + STOP)[:-2]).finish == Finished("end")


def test_a_text_block_left_open_is_closed_but_a_call_is_not() -> None:
    text = frame("content_block_start", index=0, content_block={"type": "text", "text": "a"})
    assert heard_reply(START + text + END + STOP).parts == (Text("a"),)
    call = frame(
        "content_block_start", index=0, content_block={"type": "tool_use", "id": "t", "name": "n", "input": {}}
    )
    assert failure(heard(START + call + END + STOP)).kind is Kind.GARBLED


def test_nothing_is_heard_after_the_end() -> None:
    data = stream("thinking-then-text")
    assert heard(data + data) == heard(data)
    reader = DIALECT.reader(HEARING)
    reader.feed(data)
    assert (reader.feed(data), reader.close()) == ([], [])


def test_pitfall_108_a_done_marker_is_no_event() -> None:
    assert heard_reply(START + b"data: [DONE]\n\n" + END + b"data: [DONE]\n\n").finish == Finished("end")


# Errors and garbage


def test_fault_57_an_error_after_content_keeps_its_type() -> None:
    found = failure(heard(stream("overloaded-after-text")))
    assert (found.kind, found.status) == (Kind.OVERLOADED, 529)
    assert found.original
    assert json.loads(found.original.body)["error"]["message"] == "Overloaded"


def test_fault_16_an_error_as_first_event_is_a_failure() -> None:
    assert [type(event) for event in heard(stream("overloaded-at-once"))] == [Failed]


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (b'{"error":{"message":"upstream died","code":500}}', Kind.UPSTREAM_ERROR),
        (b'{"type":"error","message":"bad"}', Kind.UPSTREAM_ERROR),
        (b'{"type":"error","error":{"type":"authentication_error","message":"bad key"}}', Kind.UPSTREAM_CREDENTIAL),
        (b'{"type":"error","error":"no such thing"}', Kind.UPSTREAM_ERROR),
        (
            b'{"error":{"type":"invalid_request_error","message":"prompt is too long: 9 tokens > 8 maximum"}}',
            Kind.PROMPT_TOO_LONG,
        ),
    ],
)
def test_pitfall_097_an_error_inside_a_stream_is_a_failure(error: bytes, kind: Kind) -> None:
    assert failure(heard(START + b"data: " + error + b"\n\n")).kind is kind


def test_an_error_named_by_its_event_line_alone_is_a_failure() -> None:
    assert failure(heard(START + b'event: error\ndata: {"message":"bad"}\n\n')).kind is Kind.UPSTREAM_ERROR


@pytest.mark.parametrize(
    "data",
    [
        b"data: {broken\n\n",
        b'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"x"}}\n\n',
        b'data: {"type":"content_block_delta","index":0}\n\n',
        b'data: {"type":"content_block_start","index":0}\n\n',
        b'data: {"type":"content_block_start","index":0,"content_block":{}}\n\n',
        b'data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":5}}\n\n',
        b'data: {"type":"message_delta","usage":7}\n\n',
        b'data: {"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":7}}\n\n',
        b'data: {"type":7}\n\n',
        START,
        frame("content_block_start", index=0, content_block={"type": "text", "text": ""}) * 2,
        frame("content_block_start", index=0, content_block={"type": "text", "text": ""})
        + frame("content_block_delta", index=0, delta={"type": "thinking_delta", "thinking": "x"}),
    ],
)
def test_fault_46_disorder_is_garbled_and_never_a_crash(data: bytes) -> None:
    assert failure(heard(START + data + END)).kind is Kind.GARBLED


def test_a_stream_that_forgets_its_start_is_understood() -> None:
    assert heard_reply(block(0, {"type": "text", "text": "a"}) + END).parts == (Text("a"),)
    assert heard_reply(END).finish == Finished("end")


def test_a_stop_for_a_block_that_is_not_open_is_harmless() -> None:
    assert heard_reply(START + frame("content_block_stop", index=5) + END).finish == Finished("end")


def test_fault_43_an_endless_frame_is_garbled() -> None:
    assert failure(heard(START, b"data: " + b"x" * (8 * 1024 * 1024 + 1))).kind is Kind.GARBLED


def test_fault_41_bad_bytes_become_replacement_characters_in_text_only() -> None:
    good = block(0, {"type": "text", "text": ""}, {"type": "text_delta", "text": "a?b"})
    assert heard_reply(START + good.replace(b"a?b", b"a\xffb") + END).parts == (Text("a\ufffdb"),)
    assert heard_reply(START + good.replace(b"a?b", b"a\\ud83db") + END).parts == (Text("a\ufffdb"),)
    assert (
        failure(heard(START + good.replace(b"content_block_start", b"content\xffblock_start") + END)).kind
        is Kind.GARBLED
    )


def test_pitfall_104_frames_of_every_form_are_read() -> None:
    data = stream("text-then-call")
    expected = heard(data)
    assert heard(data.replace(b"\n", b"\r\n")) == expected
    assert heard(b"\xef\xbb\xbf" + data) == expected
    assert heard(data.replace(b"data: ", b"data:")) == expected
    lines = data.split(b"\n")
    assert heard(b"\n".join(line for line in lines if not line.startswith(b"event:"))) == expected


def test_comments_are_signs_of_life() -> None:
    reader = DIALECT.reader(HEARING)
    assert reader.feed(START)[-1] != Beat()
    assert reader.feed(b": keep-alive\n\n") == [Beat()]


# Whole answers


@pytest.mark.parametrize("name", TWINS)
def test_law_5_streamed_and_whole_answers_fold_alike(name: str) -> None:
    streamed, replied = heard_reply(stream(name)), fold(DIALECT.read_reply(whole(name), HEARING))
    assert canonical(streamed.parts) == canonical(replied.parts)
    assert (streamed.id, streamed.model, streamed.usage) == (replied.id, replied.model, replied.usage)
    assert canonical((streamed.finish, streamed.usage_extras)) == canonical((replied.finish, replied.usage_extras))


def canonical(value: Any) -> Any:
    """A value as plain JSON values, in which arguments with other blanks are equal."""
    plain = msgspec.json.decode(msgspec.json.encode(value))
    for part in plain:
        if isinstance(part, dict) and "arguments" in part:
            part["arguments"] = json.loads(part["arguments"])
    return plain


def test_pitfall_109_a_whole_answer_to_a_streamed_request_is_read() -> None:
    for name in TWINS:
        body = whole(name)
        assert heard(body[:7], body[7:]) == DIALECT.read_reply(body, HEARING)
        assert heard(b"\n" + body) == DIALECT.read_reply(body, HEARING)


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html><body>Sign in</body></html>", Kind.GARBLED),
        (b"", Kind.GARBLED),
        (b"[]", Kind.GARBLED),
        (b"{}", Kind.GARBLED),
        (b'{"type":"message","content":7}', Kind.GARBLED),
        (b'{"type":"message","content":[{"type":"text","text":7}]}', Kind.GARBLED),
        (b'{"type":"message","content":[7]}', Kind.GARBLED),
        (b'{"type":"message","content":[],"usage":7,"stop_reason":"end_turn"}', Kind.GARBLED),
        (b'{"type":"message","content":[]}', Kind.CUT_SHORT),
        (b'{"type":"message","content":[],"stop_reason":null}', Kind.CUT_SHORT),
        (b'{"error":{"type":"overloaded_error","message":"busy"}}', Kind.OVERLOADED),
        (b'{"error":"no"}', Kind.UPSTREAM_ERROR),
        (b'{"a":' + b"[" * 90_000, Kind.GARBLED),
    ],
)
def test_fault_37_what_is_no_answer_is_a_failure(body: bytes, kind: Kind) -> None:
    events = DIALECT.read_reply(body, HEARING)
    assert failure(events).kind is kind


def test_a_whole_answer_with_bad_bytes_is_mended() -> None:
    body = b'{"type":"message","content":[{"type":"text","text":"a\xffb\\ud83d"}],"stop_reason":"end_turn"}'
    assert fold(DIALECT.read_reply(body, HEARING)).parts == (Text("a\ufffdb\ufffd"),)
