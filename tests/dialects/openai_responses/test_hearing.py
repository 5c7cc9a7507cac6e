"""What upstreams answer, as events: the scenes, and what servers leave out or say otherwise."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from dragoman.canon.events import Beat, Failed, Finished, PartOpened, Started
from dragoman.canon.problem import Kind
from dragoman.canon.reply import fold
from dragoman.canon.request import Extras, Refusal, Seal, ServerTool, Text, Thinking, ToolCall
from dragoman.canon.usage import Usage
from dragoman.dialects.base import Hearing
from dragoman.dialects.openai_responses import DIALECT
from dragoman.dialects.sse import FRAME_LIMIT
from tests.dialects.openai_responses.stage import (
    BEGUN,
    DONE,
    HEARING,
    ORIGIN,
    Json,
    ending,
    events,
    gist,
    heard,
    response,
    scene,
    sse,
    whole,
)

NAME = DIALECT.name


def replied(name: str) -> Any:
    return fold(events(scene(f"streams/{name}.sse")))


def test_thinking_words_and_calls_are_told_apart() -> None:
    reply = replied("thinks_then_calls_twice")
    assert gist(reply.parts) == [
        ("thinking", "**Looking at the file**\n\nI need to read it."),
        ("thinking", "**Deciding**\n\nThen I run it."),
        ("text", "Сначала прочту файл ✓."),
        ("call", "call_1", "exec_command", '{"cmd":"cat hello.py","workdir":"/tmp"}'),
        ("call", "call_2", "exec_command", '{"cmd":"ls"}'),
    ]
    assert [part.seal for part in reply.parts[:2]] == [Seal(ORIGIN, ""), Seal(ORIGIN, "gAAAAABpIsealedABC")]
    assert len({part.group for part in reply.parts[:2]}) == 1
    assert reply.parts[2].extras == Extras(NAME, {"phase": Raw(b'"commentary"')})
    assert (reply.id, reply.model, ending(reply)) == ("resp_68a1", "gpt-5.5-2026-04-23", "tool_calls")
    assert reply.usage == Usage(input=176, cache_read=1024, output=88, thinking=64)


def test_thinking_that_is_not_shown_is_a_seal() -> None:
    reply = replied("thinks_unseen_then_speaks")
    assert reply.parts[0] == Thinking("", True, seal=Seal(ORIGIN, "gAAAAABpIsealedXYZ"), group="rs_68a10")
    assert ending(reply) == "end"


def test_a_patch_is_free_text() -> None:
    (call,) = replied("patches_a_file").parts
    assert (call.name, call.form, call.arguments.splitlines()[1]) == (
        "apply_patch",
        "text",
        "*** Add File: hello.py",
    )


def test_a_refusal_is_told_as_one() -> None:
    reply = replied("refuses")
    assert reply.parts == (Refusal("I can't help with that.", group="msg_68a10"),)
    assert ending(reply) == "refusal"


def test_an_answer_at_its_limit_says_so() -> None:
    reply = replied("meets_the_output_limit")
    assert gist(reply.parts) == [("text", "This goes on and on and is cut")]
    assert ending(reply) == "max_output"


def test_a_search_of_the_vendors_own_is_carried_and_its_sources_are_noted() -> None:
    search, text = replied("searches_the_web").parts
    assert isinstance(search, ServerTool)
    assert search.kind == "web_search_call"
    assert isinstance(text, Text)
    assert text.extras is not None
    (citation,) = json.loads(bytes(text.extras.members["annotations"]))
    assert citation["title"] == "Dragoman"


def test_a_search_for_tools_is_a_call() -> None:
    (call,) = replied("searches_for_tools").parts
    assert (call.id, call.name, json.loads(call.arguments)) == ("call_s", "tool_search", {"query": "calendar"})


def test_an_answer_that_failed_midway_is_no_answer() -> None:
    found = events(scene("streams/fails_midway.sse"))
    assert isinstance(found[-1], Failed)
    assert found[-1].problem.kind is Kind.UPSTREAM_ERROR
    assert "An error occurred" in found[-1].problem.message


MESSAGE: Json = {"id": "msg_1", "type": "message", "role": "assistant", "content": []}


def added(item: Json, place: int = 0) -> Json:
    return {"type": "response.output_item.added", "output_index": place, "item": item}


def done(item: Json, place: int = 0) -> Json:
    return {"type": "response.output_item.done", "output_index": place, "item": item}


def of(kind: str, **members: Any) -> Json:
    return {"type": f"response.{kind}", "output_index": 0, **members}


def test_words_that_come_only_when_they_are_whole_are_told() -> None:
    text = of("output_text.done", content_index=0, text="Hello")
    assert gist(heard(BEGUN, added(MESSAGE), text, DONE).parts) == [("text", "Hello")]
    refusal = of("refusal.done", content_index=0, refusal="No")
    assert gist(heard(BEGUN, added(MESSAGE), refusal, DONE).parts) == [("refusal", "No")]
    summary = of("reasoning_summary_text.done", summary_index=0, text="Hm")
    assert gist(heard(BEGUN, summary, DONE).parts) == [("thinking", "Hm")]
    thought = of("reasoning_text.done", content_index=0, text="Hm")
    (part,) = heard(BEGUN, thought, DONE).parts
    assert part.extras == Extras(NAME, {"type": Raw(b'"reasoning_text"')})


def test_what_is_missing_in_the_pieces_is_taken_from_the_whole() -> None:
    piece = of("output_text.delta", content_index=0, delta="Hel")
    item = {**MESSAGE, "content": [{"type": "output_text", "text": "Hello", "annotations": [{"type": "file_path"}]}]}
    (part,) = heard(BEGUN, added(MESSAGE), piece, done(item), DONE).parts
    assert isinstance(part, Text)
    assert part.text == "Hello"
    assert part.extras is not None


def test_an_answer_that_is_told_only_at_the_end_is_told() -> None:
    reasoning = {"type": "reasoning", "id": "rs_1", "summary": [{"type": "summary_text", "text": "Hm"}]}
    raw = {"type": "reasoning", "id": "rs_2", "summary": [], "content": [{"type": "reasoning_text", "text": "So"}]}
    item = {**MESSAGE, "content": [{"type": "output_text", "text": "Hello", "logprobs": [{"token": "H"}]}]}
    call = {"type": "function_call", "id": "fc_1", "call_id": "1", "name": "f", "arguments": {"a": 1}}
    told = response("completed", reasoning, raw, item, call)
    reply = heard({"type": "response.completed", "response": told})
    assert gist(reply.parts) == [
        ("thinking", "Hm"),
        ("thinking", "So"),
        ("text", "Hello"),
        ("call", "1", "f", '{"a": 1}'),
    ]
    assert reply.parts == whole(told).parts
    assert ending(reply) == "tool_calls"


def test_events_before_the_beginning_begin_the_answer() -> None:
    found = events(sse(of("output_text.delta", delta="Hi"), DONE))
    assert isinstance(found[0], Started)
    assert gist(fold(found).parts) == [("text", "Hi")]


def test_the_name_of_an_event_may_stand_beside_it_only() -> None:
    frames = [f"event: {each.pop('type')}\ndata: {json.dumps(each)}" for each in (dict(BEGUN), dict(DONE))]
    assert ending(heard(*frames)) == "end"
    failed = {"response": response("completed") | {"status": None}}
    assert ending(heard(f"event: response.completed\ndata: {json.dumps(failed)}")) == "end"


def test_log_probabilities_are_noted() -> None:
    piece = of("output_text.delta", content_index=0, delta="Hi", logprobs=[{"token": "Hi", "logprob": -0.1}])
    (part,) = heard(BEGUN, piece, DONE).parts
    assert isinstance(part, Text)
    assert part.extras is not None
    assert json.loads(bytes(part.extras.members["logprobs"])) == [[{"token": "Hi", "logprob": -0.1}]]


def test_calls_that_came_as_json_are_free_text_where_they_were_asked_so() -> None:
    hearing = Hearing(origin=ORIGIN, text_tools=frozenset({"p_1"}), names={"p_1": "patch"})
    item = {"type": "function_call", "id": "fc_1", "call_id": "1", "name": "p_1", "arguments": ""}
    pieces = [of("function_call_arguments.delta", delta=text) for text in ('{"input":', '"*** x"}')]
    full = {**item, "arguments": '{"input":"*** x"}'}
    for said in ([*pieces, done(full)], [done(full)]):
        (part,) = heard(BEGUN, added(item), *said, DONE, hearing=hearing).parts
        assert part == ToolCall("1", "patch", "*** x", "text", group="fc_1")


def test_ids_that_are_missing_or_come_twice_are_made() -> None:
    call = {"type": "function_call", "call_id": "1", "name": "f", "arguments": "{}"}
    nameless = {"type": "function_call", "name": "f", "arguments": "{}"}
    reply = whole(response("completed", call, call, nameless, nameless))
    ids = [part.id for part in reply.parts if isinstance(part, ToolCall)]
    assert len(set(ids)) == 4
    assert ids[0] == "1"
    assert all(ids)


def test_a_call_without_a_name_is_unreadable() -> None:
    found = events(sse(BEGUN, added({"type": "function_call", "call_id": "1"}), DONE))
    assert isinstance(found[-1], Failed)
    assert found[-1].problem.kind is Kind.GARBLED
    assert not any(isinstance(event, PartOpened) for event in found)
    assert whole(response("completed", {"type": "function_call"})).problem is not None


def test_an_item_that_became_another_is_kept_as_it_is() -> None:
    call = {"type": "function_call", "name": "f", "arguments": "{}"}
    (part,) = heard(BEGUN, added({"type": "reasoning"}), done(call), DONE).parts
    assert isinstance(part, ServerTool)
    assert part.kind == "function_call"


def test_items_that_nobody_knows_are_carried() -> None:
    items = [{"type": "novel", "id": "n"}, {"type": "mcp_call", "id": "m"}]
    reply = whole(response("completed", *items))
    assert gist(reply.parts) == [("item", "novel"), ("item", "mcp_call")]


def test_a_compacted_conversation_is_a_seal() -> None:
    (part,) = whole(response("completed", {"type": "compaction", "id": "cmp_1", "encrypted_content": "s"})).parts
    assert isinstance(part, Thinking)
    assert (part.redacted, part.seal) == (True, Seal(ORIGIN, "s"))


def test_a_namespace_of_a_call_is_kept() -> None:
    call = {"type": "function_call", "call_id": "1", "name": "f", "namespace": "box", "arguments": "{}"}
    (part,) = whole(response("completed", call)).parts
    assert isinstance(part, ToolCall)
    assert part.name == "box__f"


@pytest.mark.parametrize(
    ("details", "reason"),
    [
        ({"reason": "max_output_tokens"}, "max_output"),
        ({"reason": "content_filter"}, "refusal"),
        ({"reason": "steered"}, "unknown"),
        (None, "unknown"),
        ([], "unknown"),
    ],
)
def test_why_an_answer_is_incomplete(details: Any, reason: str) -> None:
    reply = whole(response("incomplete", incomplete_details=details))
    assert ending(reply) == reason
    assert (reply.finish is not None and reply.finish.extras is not None) == (reason == "unknown")


@pytest.mark.parametrize(
    ("said", "kind"),
    [
        ({"type": "error", "code": "rate_limit_exceeded", "message": "slow"}, Kind.RATE_LIMITED),
        ({"type": "error", "error": {"type": "too_many_requests", "code": "too_many_requests"}}, Kind.RATE_LIMITED),
        ({"type": "error", "error": {"code": "server_is_overloaded", "message": "busy"}}, Kind.OVERLOADED),
        ({"type": "novel", "error": {"code": "context_length_exceeded", "message": "long"}}, Kind.PROMPT_TOO_LONG),
        (of("failed", response=response("failed", error={"code": "insufficient_quota"})), Kind.UPSTREAM_QUOTA),
        (of("failed", response=response("failed")), Kind.UPSTREAM_ERROR),
        (of("cancelled", response=response("cancelled")), Kind.UPSTREAM_ERROR),
        (of("completed", response=response("queued")), Kind.UPSTREAM_ERROR),
        (of("completed", response=3), Kind.GARBLED),
    ],
)
def test_every_way_of_failing_is_a_failure(said: Json, kind: Kind) -> None:
    for before in ([], [BEGUN]):
        found = events(sse(*before, said, DONE))
        assert isinstance(found[-1], Failed)
        assert found[-1].problem.kind is kind
    assert not [event for event in found if isinstance(event, Finished)]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b"<html>", Kind.GARBLED),
        (b"[]", Kind.GARBLED),
        (b"{}", Kind.GARBLED),
        (b'{"error":{"message":"no","code":"server_error"}}', Kind.UPSTREAM_ERROR),
        (b'{"status":"failed","error":{"code":"rate_limit_exceeded","message":"x"}}', Kind.RATE_LIMITED),
        (b'{"status":"in_progress","output":[]}', Kind.UPSTREAM_ERROR),
        (b'{"output":[]}', Kind.UPSTREAM_ERROR),
    ],
)
def test_a_body_that_is_no_answer_is_a_failure(body: bytes, kind: Kind) -> None:
    for found in (DIALECT.read_reply(body, HEARING), events(body)):
        assert isinstance(found[-1], Failed)
        assert found[-1].problem.kind is kind


def test_an_answer_that_came_whole_where_a_stream_was_asked_is_read() -> None:
    body = json.dumps(response("completed", {**MESSAGE, "content": [{"type": "output_text", "text": "Hi"}]}))
    assert gist(fold(events(body.encode())).parts) == [("text", "Hi")]


def test_an_answer_without_an_ending_is_cut() -> None:
    for stream in (b"", sse(BEGUN), sse(BEGUN, "data: [DONE]")):
        found = events(stream)
        assert isinstance(found[-1], Failed)
        assert found[-1].problem.kind is Kind.CUT_SHORT


def test_after_the_ending_nothing_is_heard() -> None:
    reader = DIALECT.reader(HEARING)
    assert reader.feed(sse(BEGUN, DONE))
    assert reader.feed(sse(DONE)) == []
    assert reader.close() == []


def test_signs_of_life_are_beats() -> None:
    reader = DIALECT.reader(HEARING)
    assert reader.feed(b": ping\n\n") == [Beat()]
    assert reader.feed(sse({"type": "keepalive"})) == [Beat()]
    assert reader.feed(sse({"type": "response.novel"}, "data: ")) == [Beat()]


def test_a_frame_that_never_ends_is_given_up() -> None:
    reader = DIALECT.reader(HEARING)
    found = reader.feed(b"data: " + b"x" * FRAME_LIMIT + b"x")
    assert isinstance(found[-1], Failed)
    assert isinstance(DIALECT.reader(HEARING).feed(b"{" + b"x" * FRAME_LIMIT)[-1], Failed)


def test_odd_values_spoil_nothing_but_themselves() -> None:
    item = {**MESSAGE, "id": 3, "content": [{"type": "output_text", "text": "Hi", "annotations": 3}, 3]}
    reasoning = {"type": "reasoning", "summary": [3, {"text": "Hm"}], "encrypted_content": 3}
    call = {"type": "function_call", "call_id": 3, "name": "f", "arguments": None}
    usage = {"input_tokens": "many", "output_tokens": 3, "input_tokens_details": 3, "novel": 1}
    reply = whole(response("completed", item, reasoning, call, usage=usage))
    assert gist(reply.parts)[:2] == [("text", "Hi"), ("thinking", "Hm")]
    assert reply.usage == Usage(output=3)
    assert reply.usage_extras == Extras(NAME, {"novel": Raw(b"1")})
    assert whole(response("completed", usage=3)).usage == Usage()


def test_broken_characters_are_replaced() -> None:
    stream = sse(BEGUN) + b'data: {"type":"response.output_text.delta","delta":"a\xff"}\n\n' + sse(DONE)
    assert gist(fold(events(stream)).parts) == [("text", "a\ufffd")]


def test_pieces_of_what_was_never_begun_are_passed_over() -> None:
    reply = heard(BEGUN, of("function_call_arguments.delta", delta="{"), of("content_part.done", part={}), DONE)
    assert reply.parts == ()
    assert ending(reply) == "end"


@pytest.mark.parametrize(("words", "wait_s"), [("in 11.054s.", 11.054), ("in 800 ms", 0.8), ("later", None)])
def test_a_wait_that_is_told_in_words_is_known(words: str, wait_s: float | None) -> None:
    error = {"code": "rate_limit_exceeded", "message": f"Rate limit reached. Please try again {words}"}
    found = events(sse(BEGUN, of("failed", response=response("failed", error=error))))
    assert isinstance(found[-1], Failed)
    assert found[-1].problem.retry_after_s == wait_s
