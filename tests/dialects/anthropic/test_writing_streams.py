"""What the writer tells a client, streamed and whole. The vendor's SDK must gather it to the same message."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw
from msgspec.structs import replace

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
from dragoman.canon.order import SingleFile
from dragoman.canon.problem import Kind, Original, Trouble, problem
from dragoman.canon.reply import Reply, fold, unfold
from dragoman.canon.request import (
    Audio,
    Extras,
    File,
    Image,
    Inline,
    Loss,
    Part,
    Refusal,
    Seal,
    ServerTool,
    Text,
    Thinking,
    ToolCall,
    ToolReference,
    Unknown,
)
from dragoman.canon.usage import Usage
from dragoman.dialects.anthropic import DIALECT
from tests.dialects.anthropic.stage import BARE, STREAMS, TELLING, accumulated, frames, heard, stream, told

OPENED = [Started("m1", "big")]
SPOKEN = {"type": "text", "text": "hi"}


def answer(*parts: Part, reason: Reason = "end", **members: Any) -> Reply:
    """A reply that ended well."""
    return Reply(id="m1", model="big", parts=parts, finish=Finished(reason), **members)


def content(*parts: Part) -> list[Any]:
    """The blocks a client gathers from these parts; the same whether streamed or whole."""
    reply = answer(*parts)
    streamed = accumulated(told(unfold(reply)))
    replied = json.loads(DIALECT.write_reply(reply, TELLING))
    assert streamed["content"] == replied["content"]
    assert streamed == replied | {"stop_details": None, "usage": streamed["usage"]}
    found: list[Any] = replied["content"]
    return found


def names(data: bytes) -> list[str]:
    """The names of the events in a stream."""
    return [name for name, _ in frames(data)]


def test_a_stream_has_the_order_that_clients_expect() -> None:
    reply = answer(Thinking("hm", seal=Seal("acme", "s")), Text("hi"), ToolCall("t", "Bash", '{"a":1}'))
    assert names(told(unfold(reply))) == [
        "message_start",
        *("content_block_start", "content_block_delta", "content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
        *("content_block_start", "content_block_delta", "content_block_stop"),
        "message_delta",
        "message_stop",
    ]


def test_frames_are_bytes_of_the_usual_form() -> None:
    events: list[Event] = [*OPENED, PartOpened(0, Text("")), PartGrew(0, 'Привет "✓"\n\u2028')]
    last = told(events).decode().split("\n\n")[-2]
    assert last == (
        "event: content_block_delta\n"
        'data: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Привет \\"✓\\"\\n\u2028"}}'
    )


def test_the_same_events_in_other_batches_say_the_same() -> None:
    events = unfold(answer(Thinking("hm", seal=Seal("acme", "s")), Text("hi"), ToolCall("t", "Bash", "")))
    writer = DIALECT.writer(TELLING)
    assert b"".join(writer.write([event]) for event in events) == told(events)


def test_pitfall_143_every_block_opens_with_its_members() -> None:
    reply = answer(Thinking(""), Text(""), ToolCall("t", "n", ""))
    opened = [event["content_block"] for name, event in frames(told(unfold(reply))) if name == "content_block_start"]
    assert opened == [
        {"type": "thinking", "thinking": "", "signature": ""},
        {"type": "text", "text": ""},
        {"type": "tool_use", "id": "t", "name": "n", "input": {}},
    ]
    assert content(Thinking(""), Text("")) == opened[:2]


def test_pitfall_062_a_call_without_arguments_has_one_empty_delta() -> None:
    deltas = [event for name, event in frames(told(unfold(answer(ToolCall("t", "n", ""))))) if "delta" in event]
    assert deltas[0]["delta"] == {"type": "input_json_delta", "partial_json": ""}
    assert content(ToolCall("t", "n", ""))[0]["input"] == {}


def test_arguments_that_are_no_object_are_told_whole() -> None:
    reply = answer(ToolCall("t", "n", '{"cut'))
    assert json.loads(DIALECT.write_reply(reply, TELLING))["content"][0]["input"] == {"__unparsed": '{"cut'}
    assert '{\\"cut' in told(unfold(reply)).decode()


def test_a_call_of_free_text_is_told_as_a_string() -> None:
    call = ToolCall("t", "apply_patch", 'line "1"\n', form="text")
    assert content(call)[0]["input"] == {"input": 'line "1"\n'}


def test_pitfall_058_calls_have_ids_of_their_own() -> None:
    found = content(ToolCall("", "a", "{}"), ToolCall("t", "b", "{}"), ToolCall("t", "c", "{}"))
    ids = [block["id"] for block in found]
    assert ids[1] == "t"
    assert len(set(ids)) == 3
    assert all(ids)


def test_pitfall_131_the_model_is_the_one_that_was_asked_for() -> None:
    assert accumulated(told(unfold(answer(Text("hi")))))["model"] == "asked"


def test_an_answer_without_an_id_gets_one() -> None:
    reply = replace(answer(Text("hi")), id="")
    assert accumulated(told(unfold(reply)))["id"] == "msg_X1"
    assert json.loads(DIALECT.write_reply(reply, TELLING))["id"] == "msg_X1"


# Seals


def test_pitfall_078_a_foreign_signature_is_wrapped_and_a_bare_one_is_not() -> None:
    reply = answer(Thinking("hm", seal=Seal("acme", "sig")), Thinking("", redacted=True, seal=Seal("acme", "data")))
    assert accumulated(told(unfold(reply)))["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "dgm1.YWNtZQ.sig"},
        {"type": "redacted_thinking", "data": "dgm1.YWNtZQ.data"},
    ]
    assert accumulated(told(unfold(reply), BARE))["content"] == [
        {"type": "thinking", "thinking": "hm", "signature": "sig"},
        {"type": "redacted_thinking", "data": "data"},
    ]
    bare = json.loads(DIALECT.write_reply(reply, BARE))["content"]
    assert [block.get("signature", block.get("data")) for block in bare] == ["sig", "data"]


def test_redacted_thinking_without_data_is_not_shown() -> None:
    assert content(Thinking("", redacted=True), Text("hi")) == [SPOKEN]


def test_pitfall_086_a_seal_travels_before_its_part_where_it_is_known() -> None:
    found = content(ToolCall("t", "n", "{}", seal=Seal("gem", "TS")), Text("hi", seal=Seal("gem", "x")))
    assert [block["type"] for block in found] == ["thinking", "tool_use", "thinking", "text"]
    assert found[0] == {"type": "thinking", "thinking": "", "signature": "dgm1.Z2Vt.>TS"}
    early: list[Event] = [*OPENED, PartOpened(0, ToolCall("t", "n", "", seal=Seal("gem", "TS")))]
    assert frames(told(early))[1][1]["content_block"]["type"] == "thinking"


def test_pitfall_086_a_seal_that_comes_late_travels_between_its_part_and_the_next() -> None:
    writer = DIALECT.writer(TELLING)
    out = writer.write([*OPENED, PartOpened(0, Text("")), PartGrew(0, "hi")])
    out += writer.write([PartSealed(0, Seal("gem", "TS"))])
    out += writer.write([PartOpened(1, Text("")), PartGrew(1, "ho"), PartSealed(1), Finished("end")])
    assert accumulated(out)["content"] == [
        SPOKEN,
        {"type": "thinking", "thinking": "", "signature": "dgm1.Z2Vt.<TS"},
        {"type": "text", "text": "ho"},
    ]


def test_a_late_seal_of_the_last_text_is_let_go_for_claude_code_takes_the_last_block_for_the_result() -> None:
    lost: list[Loss] = []
    writer = DIALECT.writer(replace(TELLING, lose=lost.append))
    out = writer.write([*OPENED, PartOpened(0, Text("")), PartGrew(0, "hi")])
    out += writer.write([PartSealed(0, Seal("gem", "TS")), Finished("end")])
    assert accumulated(out)["content"] == [SPOKEN]
    assert [(loss.what, loss.how) for loss in lost] == [("answer.seal", "dropped")]


@pytest.mark.parametrize(
    ("part", "how"), [(Image(Inline("image/png", "AA==")), "changed"), (ServerTool("x", "ran", Raw(b"{}")), "dropped")]
)
def test_a_part_that_this_wire_has_no_word_for_is_told_as_lost(part: Part, how: str) -> None:
    lost: list[Loss] = []
    telling = replace(TELLING, lose=lost.append)
    told(unfold(answer(part, Text("hi"))), telling)
    DIALECT.write_reply(answer(part, Text("hi")), telling)
    kind = "image" if isinstance(part, Image) else "ran"
    assert [(loss.what, loss.how) for loss in lost] == [(f"answer.{kind}", how)] * 2


def test_carried_seals_come_back_on_their_parts() -> None:
    parts = (ToolCall("t", "n", "{}", seal=Seal("gem", "TS")), Text("hi", seal=Seal("gem", "x")))
    message = {"role": "assistant", "content": content(*parts)}
    request = DIALECT.read_request(json.dumps({"model": "m", "messages": [message]}).encode())
    assert request.turns[0].parts == parts


# Parts that this wire cannot show


def test_pitfall_119_a_refusal_is_text_and_its_reason() -> None:
    assert content(Refusal("I won't")) == [{"type": "text", "text": "I won't"}]
    assert accumulated(told(unfold(answer(Refusal("no")))))["stop_reason"] == "refusal"


def test_own_blocks_are_told_as_they_were() -> None:
    use = {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "x"}}
    part = ServerTool("anthropic", "server_tool_use", Raw(json.dumps(use).encode()))
    assert content(part) == [use]
    started = frames(told(unfold(answer(part))))[1][1]["content_block"]
    assert started["input"] == {}
    novel = Unknown("anthropic", "container_upload", Raw(b'{"type":"container_upload","file_id":"f"}'))
    assert content(novel) == [{"type": "container_upload", "file_id": "f"}]


def test_foreign_parts_are_told_in_words_or_not_at_all() -> None:
    parts = (
        ServerTool("foreign", "web_search_call", Raw(b"{}"), "searched"),
        Unknown("foreign", "novel", Raw(b"{}")),
        ToolReference("t"),
        Image(Inline("image/png", "x")),
        Audio(Inline("audio/wav", "x")),
        File(text="x"),
        Text("hi"),
    )
    words = [block["text"] for block in content(*parts)]
    assert (words[0], words[-1], len(words)) == ("searched", "hi", 5)
    assert words[1] == "[The answer held a part of kind 'image', which cannot be shown here.]"


def test_growth_and_notes_of_what_is_not_shown_are_silent() -> None:
    events: list[Event] = [*OPENED, PartOpened(0, Unknown("foreign", "novel", Raw(b"{}"))), PartGrew(0, "x")]
    note = PartNoted(0, Extras("anthropic", {"citations": Raw(b"{}")}))
    assert names(told([*events, note, PartSealed(0, Seal("gem", "x"))])) == ["message_start"]


def test_notes_of_this_dialect_are_deltas() -> None:
    citation = {"type": "char_location", "cited_text": "x", "document_index": 0, "document_title": None}
    citation |= {"start_char_index": 0, "end_char_index": 1, "file_id": None}
    notes: list[Event] = [
        PartNoted(0, Extras("anthropic", {"citations": Raw(json.dumps(citation).encode())})),
        PartNoted(0, Extras("anthropic", {"mood_delta": Raw(b'{"type":"mood_delta"}'), "other": Raw(b"1")})),
        PartNoted(0, Extras("foreign", {"logprobs": Raw(b"1")})),
    ]
    events: list[Event] = [*OPENED, PartOpened(0, Text("")), PartGrew(0, "hi"), *notes]
    deltas = [event["delta"] for name, event in frames(told(events)) if name == "content_block_delta"]
    assert deltas == [
        {"type": "text_delta", "text": "hi"},
        {"type": "citations_delta", "citation": citation},
        {"type": "mood_delta"},
    ]


def test_extras_of_this_dialect_are_told_in_their_places() -> None:
    own, foreign = Extras("anthropic", {"container": Raw(b'{"id":"c"}')}), Extras("foreign", {"choices": Raw(b"1")})
    ending = Extras("anthropic", {"safeguard_results": Raw(b"[1]"), "context_management": Raw(b"{}")})
    events: list[Event] = [
        Started("m1", "big", own),
        PartOpened(0, ToolCall("t", "n", "", extras=Extras("anthropic", {"caller": Raw(b'{"type":"direct"}')}))),
        PartSealed(0),
        UsageSeen(Usage(1), Extras("anthropic", {"service_tier": Raw(b'"standard"')})),
        UsageSeen(Usage(2), None),
        Finished("end", extras=ending),
    ]
    found = dict(frames(told(events)))
    assert found["message_start"]["message"]["container"] == {"id": "c"}
    assert found["content_block_start"]["content_block"]["caller"] == {"type": "direct"}
    assert found["message_delta"]["delta"]["safeguard_results"] == [1]
    assert found["message_delta"]["context_management"] == {}
    assert found["message_delta"]["usage"]["service_tier"] == "standard"
    assert b"choices" not in told([Started("m1", "big", foreign)])


# Usage


def test_pitfall_113_the_start_tells_an_estimate_until_the_truth_is_known() -> None:
    found = dict(frames(told([*OPENED, Finished("end")])))
    assert found["message_start"]["message"]["usage"] == {
        "input_tokens": 77,
        "cache_creation_input_tokens": 0,
        "cache_read_input_tokens": 0,
        "output_tokens": 0,
    }
    assert found["message_delta"]["usage"]["input_tokens"] == 77
    told_true = dict(frames(told([*OPENED, UsageSeen(Usage(5, 3)), Finished("end")])))
    assert told_true["message_start"]["message"]["usage"]["input_tokens"] == 5


def test_pitfall_117_the_end_tells_all_counts() -> None:
    usage = Usage(3, 20_000, 300, 1000, 40, 12)
    found = dict(frames(told(unfold(answer(Text("hi"), usage=usage)))))["message_delta"]["usage"]
    assert found == {
        "input_tokens": 3,
        "cache_creation_input_tokens": 1300,
        "cache_read_input_tokens": 20_000,
        "output_tokens": 40,
        "cache_creation": {"ephemeral_5m_input_tokens": 300, "ephemeral_1h_input_tokens": 1000},
        "output_tokens_details": {"thinking_tokens": 12},
    }


def test_a_prompt_that_was_wholly_cached_is_no_estimate() -> None:
    events: list[Event] = [*OPENED, UsageSeen(Usage(cache_read=9)), Finished("end")]
    assert dict(frames(told(events)))["message_delta"]["usage"]["input_tokens"] == 0


# Endings


@pytest.mark.parametrize(
    ("reason", "word"),
    [
        ("end", "end_turn"),
        ("tool_calls", "tool_use"),
        ("max_output", "max_tokens"),
        ("stop_sequence", "stop_sequence"),
        ("refusal", "refusal"),
        ("pause", "pause_turn"),
        ("context_full", "model_context_window_exceeded"),
    ],
)
def test_pitfall_120_every_reason_has_its_word(reason: Reason, word: str) -> None:
    reply = answer(Text("hi"), reason=reason)
    assert accumulated(told(unfold(reply)))["stop_reason"] == word
    assert json.loads(DIALECT.write_reply(reply, TELLING))["stop_reason"] == word


def test_pitfall_122_the_met_stop_sequence_is_told() -> None:
    events: list[Event] = [*OPENED, Finished("stop_sequence", "END")]
    assert dict(frames(told(events)))["message_delta"]["delta"]["stop_sequence"] == "END"


def test_pitfall_120_an_unknown_reason_is_never_an_end() -> None:
    foreign = Finished("unknown", extras=Extras("foreign", {"finish_reason": Raw(b'"eos"')}))
    out = told([*OPENED, foreign, Beat()])
    assert names(out) == ["message_start", "error"]
    with pytest.raises(Trouble):
        DIALECT.write_reply(Reply(finish=foreign), TELLING)
    with pytest.raises(Trouble):
        DIALECT.write_reply(Reply(), TELLING)


def test_an_unknown_reason_of_this_dialect_keeps_its_word() -> None:
    own = Finished("unknown", extras=Extras("anthropic", {"stop_reason": Raw(b'"compaction"')}))
    assert dict(frames(told([*OPENED, own])))["message_delta"]["delta"]["stop_reason"] == "compaction"
    assert json.loads(DIALECT.write_reply(Reply(finish=own), TELLING))["stop_reason"] == "compaction"


def test_pitfall_098_a_failure_is_an_error_event_and_nothing_after() -> None:
    failed = Failed(problem(Kind.CUT_SHORT, "It broke off."))
    events: list[Event] = [*OPENED, PartOpened(0, ToolCall("t", "n", "")), PartGrew(0, '{"a'), failed, Finished("end")]
    out = told(events)
    assert names(out)[-1] == "error"
    assert frames(out)[-1][1] == {
        "type": "error",
        "error": {"type": "api_error", "message": "It broke off."},
        "request_id": "X1",
    }
    assert "content_block_stop" not in names(out)
    assert names(told([Failed(failed.problem)])) == ["error"]


def test_an_original_error_is_told_word_for_word_on_one_line() -> None:
    body = b'{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}'
    kept = Failed(problem(Kind.OVERLOADED, "x", original=Original("anthropic", 200, body)))
    assert told([kept]) == b"event: error\ndata: " + body + b"\n\n"
    printed = Failed(problem(Kind.OVERLOADED, "x", original=Original("anthropic", 529, body.replace(b",", b",\n"))))
    assert told([printed]) == told([kept])


def test_a_beat_is_a_ping() -> None:
    assert told([Beat()]) == DIALECT.beat == b'event: ping\ndata: {"type": "ping"}\n\n'


@pytest.mark.parametrize("name", STREAMS)
def test_law_3_a_recorded_stream_survives_being_told_again(name: str) -> None:
    events = heard(stream(name))
    again = fold(heard(told(SingleFile().line_up(events), BARE)))
    first = fold(events)
    assert [type(part) for part in again.parts] == [type(part) for part in first.parts]
    assert replace(again, model="", parts=(), usage=Usage()) == replace(first, model="", parts=(), usage=Usage())
