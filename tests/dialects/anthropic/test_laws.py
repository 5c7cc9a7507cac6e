"""The laws that every dialect obeys, for any requests, answers and slicings of this one."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.canon.events import Event, Failed, Finished, Reason
from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.reply import Reply, fold, unfold
from dragoman.canon.request import Part, Request, Seal, Thinking, ToolCall
from dragoman.canon.usage import Usage
from dragoman.dialects.anthropic import DIALECT
from dragoman.dialects.anthropic.reply import input_of
from dragoman.dialects.base import Target, Written
from tests.dialects.anthropic.stage import (
    BARE,
    HEARING,
    NATIVE,
    OTHER,
    STREAMS,
    TELLING,
    accumulated,
    heard,
    judge,
    lost,
    stream,
    told,
)
from tests.laws.strategies import JSON, bytewise, replies, requests, slices, streams

SPEAKABLE: tuple[Reason, ...] = ("end", "tool_calls", "max_output", "stop_sequence", "refusal", "pause", "context_full")
RECORDED = st.sampled_from(STREAMS).map(stream)
WRITTEN = streams("acme").map(told)
UNSEALED = replies("acme", reasons=SPEAKABLE).map(lambda reply: replace(reply, parts=tuple(map(plain, reply.parts))))


def plain(part: Part) -> Part:
    """The part without a seal that only a carrier could tell, and with a name that no writer changes."""
    return part if isinstance(part, Thinking) else replace(part, seal=None)


def told_and_heard(reply: Reply) -> Reply:
    """What a client's reader must make of a reply: silence on counts is told as nothing, no arguments as an object."""
    usage = reply.usage
    counts = Usage(
        usage.input if usage.input is not None or usage.prompt else 0,
        usage.cache_read or 0,
        usage.cache_write_5m or 0,
        usage.cache_write_1h or None,
        usage.output or 0,
        usage.thinking,
    )
    parts = tuple(
        replace(part, arguments="{}") if isinstance(part, ToolCall) and not part.arguments else part
        for part in reply.parts
    )
    parts = tuple(replace(p, seal=p.seal or Seal("acme", "")) if isinstance(p, Thinking) else p for p in parts)
    return replace(
        reply, id=reply.id or "msg_X1", model="asked", parts=parts, usage=replace(counts, input=counts.input or 0)
    )


@given(st.one_of(RECORDED, WRITTEN), st.data())
@settings(max_examples=40)
def test_law_1_any_splitting_gives_the_same_events(data: bytes, draws: st.DataObject) -> None:
    expected = heard(data)
    assert heard(*bytewise(data)) == expected
    assert heard(*draws.draw(slices(data))) == expected


@given(st.one_of(RECORDED, streams("acme", reasons=SPEAKABLE).map(told)), st.floats(0, 1))
@settings(max_examples=30)
def test_law_2_a_cut_stream_never_finishes(data: bytes, share: float) -> None:
    cut = data[: int(len(data) * share)]
    ending = heard(cut)[-1]
    reasoned = cut.find(b'"stop_reason":"')
    if reasoned < 0 or b"\n" not in cut[reasoned:]:
        assert isinstance(ending, Failed) or cut[reasoned:].endswith(b"}")
    if isinstance(ending, Finished):
        assert reasoned > 0


@given(UNSEALED)
@settings(max_examples=30)
def test_law_3_what_is_written_is_read_alike(reply: Reply) -> None:
    bare = replace(BARE, model="asked")
    assert fold(heard(told(unfold(reply), bare))) == told_and_heard(reply)


@given(replies("acme", "gem", reasons=SPEAKABLE))
@settings(max_examples=40)
def test_law_3_a_seal_survives_a_client_that_returns_what_it_was_told(reply: Reply) -> None:
    message = {"role": "assistant", "content": json.loads(DIALECT.write_reply(reply, TELLING))["content"]}
    body = json.dumps({"model": "m", "messages": [message]}).encode()
    shown = [part for part in reply.parts if not (isinstance(part, Thinking) and part.redacted and not part.seal)]
    returned = DIALECT.read_request(body).turns[0].parts
    assert [part.seal for part in returned] == [part.seal for part in shown]
    assert [type(part) for part in returned] == [type(part) for part in shown]


@given(requests("anthropic", "", "acme"))
@settings(max_examples=40)
def test_law_4_reading_and_writing_again_gives_the_same(request_: Request) -> None:
    first = DIALECT.write_request(replace(request_, user=None), NATIVE)
    again = DIALECT.write_request(DIALECT.read_request(first.body), NATIVE)
    assert json.loads(again.body) == json.loads(first.body)
    assert not again.losses


@st.composite
def embroidered(draw: st.DrawFn) -> dict[str, Any]:
    """A written body with members that nobody knows, at every level where there may be any."""
    found: dict[str, Any] = json.loads(DIALECT.write_request(draw(requests("anthropic", "acme")), NATIVE).body)
    holders = [found, *found["messages"], *found.get("tools", [])]
    for message in found["messages"]:
        if isinstance(message["content"], list):
            holders += message["content"]
            holders += [inner for block in message["content"] for inner in block.get("content", []) or []]
    for holder in draw(st.lists(st.sampled_from(holders), max_size=3)):
        if isinstance(holder, dict):
            holder["novel"] = draw(JSON)
    return found


@given(embroidered())
@settings(max_examples=30)
def test_law_4_what_nobody_knows_is_kept(wire: dict[str, Any]) -> None:
    written = DIALECT.write_request(DIALECT.read_request(json.dumps(wire).encode()), NATIVE)
    assert json.loads(written.body) == wire


def written_or_refused(request_: Request, target: Target) -> Written | None:
    """The body; None where a tool is demanded that the vendor cannot run."""
    try:
        return DIALECT.write_request(request_, target)
    except Trouble as trouble:
        if trouble.problem.kind is not Kind.UNSUPPORTED:
            raise
        return None


@given(requests("foreign", "", "acme", "gem"), st.sampled_from([NATIVE, OTHER]))
@settings(max_examples=40)
def test_every_foreign_request_becomes_a_body_that_the_vendor_knows(request_: Request, target: Target) -> None:
    written = written_or_refused(replace(request_, extras=None), target)
    if written is None:
        return
    wire = json.loads(written.body)
    judge(wire)
    results = [
        [block.get("type") == "tool_result" for block in message["content"]]
        for message in wire["messages"]
        if isinstance(message["content"], list)
    ]
    assert all(kinds == sorted(kinds, reverse=True) for kinds in results)
    assert written_or_refused(replace(request_, extras=None), target) == written


@given(requests("foreign", "gem"))
@settings(max_examples=30)
def test_law_6_what_is_not_said_is_a_loss(request_: Request) -> None:
    written = written_or_refused(request_, NATIVE)
    if written is None:
        return
    wire, names = json.loads(written.body), lost(written.losses)
    sampling = request_.sampling
    for member in ("temperature", "top_p", "top_k", "seed", "frequency_penalty", "presence_penalty"):
        if getattr(sampling, member) is not None:
            assert member in wire or f"sampling.{member}" in names
    assert request_.extras is None or set(request_.extras.members) <= names
    assert request_.output_shape is None or "format" in wire.get("output_config", {}) or "output_shape" in names
    assert request_.reasoning.mode is None or "thinking" in wire or "reasoning" in names
    assert set(request_.stop) == set(wire.get("stop_sequences", [])) | set(written.local_stops)
    assert len(wire.get("tools", [])) == len(request_.tools) or any(name.startswith("tool.") for name in names)
    assert request_.service_tier is None or "service_tier" in wire or "service_tier" in names


@given(UNSEALED)
@settings(max_examples=30)
def test_law_5_streamed_and_whole_answers_fold_alike(reply: Reply) -> None:
    valid = replace(reply, parts=tuple(part for part in reply.parts if not is_broken(part)))
    streamed = fold(heard(told(unfold(valid))))
    whole = fold(DIALECT.read_reply(DIALECT.write_reply(valid, TELLING), HEARING))
    assert [stripped(part) for part in streamed.parts] == [stripped(part) for part in whole.parts]
    assert replace(streamed, parts=()) == replace(whole, parts=())


def is_broken(part: Part) -> bool:
    """Whether a part is a call whose arguments a whole answer can only tell as a string."""
    return isinstance(part, ToolCall) and not input_of(part.arguments)[1]


def stripped(part: Part) -> Part:
    """A call with its arguments in one form."""
    return replace(part, arguments=json.dumps(json.loads(part.arguments))) if isinstance(part, ToolCall) else part


@given(streams("acme", "gem", reasons=SPEAKABLE))
@settings(max_examples=30)
def test_the_vendors_sdk_gathers_what_was_told(events: list[Event]) -> None:
    out = told(events)
    if isinstance(events[-1], Failed) or any(is_broken(part) for part in fold(events).parts):
        assert b"message_start" in out
        return
    message = accumulated(out)
    reply = fold(events)
    texts = [block["text"] for block in message["content"] if block["type"] == "text"]
    calls = [block["input"] for block in message["content"] if block["type"] == "tool_use"]
    assert texts == [part.text for part in reply.parts if hasattr(part, "text") and not isinstance(part, Thinking)]
    assert calls == [json.loads(part.arguments or "{}") for part in reply.parts if isinstance(part, ToolCall)]
    assert message["usage"]["output_tokens"] == (reply.usage.output or 0)


@given(streams("acme"), st.lists(st.integers(0, 12), max_size=3))
@settings(max_examples=30)
def test_law_8_nothing_follows_an_ending_and_nothing_starts_twice(events: list[Event], batches: list[int]) -> None:
    writer = DIALECT.writer(TELLING)
    out, rest = b"", events
    for size in batches:
        out, rest = out + writer.write(rest[:size]), rest[size:]
    out += writer.write(rest) + writer.write([Finished("end"), *events])
    assert out.count(b"event: message_start") == 1
    assert out.count(b"event: message_stop") + out.count(b"event: error") == 1
    assert out.rstrip().rpartition(b"\n\n")[2].startswith((b"event: message_stop", b"event: error"))


@given(st.one_of(RECORDED, WRITTEN), st.data())
@settings(max_examples=40)
def test_law_8_whatever_an_upstream_does_its_events_are_legal(data: bytes, draws: st.DataObject) -> None:
    frames = data.split(b"\n\n")[:-1]
    shuffled = draws.draw(st.lists(st.sampled_from(frames), max_size=12)) if frames else []
    noise = draws.draw(st.lists(st.one_of(st.sampled_from(shuffled or [b""]), st.binary(max_size=20)), max_size=4))
    heard(b"".join(frame + b"\n\n" for frame in shuffled + noise))
    place = draws.draw(st.integers(0, len(data)))
    heard(data[:place] + draws.draw(st.binary(min_size=1, max_size=3)) + data[place:])


@given(st.binary(max_size=60))
@settings(max_examples=30)
def test_any_bytes_are_an_answer_or_a_failure(data: bytes) -> None:
    events = DIALECT.read_reply(data, HEARING)
    assert isinstance(events[-1], Failed | Finished)
    DIALECT.read_problem(400, {}, data)
    DIALECT.edit_reply(data, HEARING, TELLING)


@given(st.one_of(st.binary(max_size=60), JSON.map(lambda value: json.dumps(value).encode())))
@settings(max_examples=30)
def test_any_body_is_a_request_or_trouble(data: bytes) -> None:
    for body in (data, b'{"model":"m","messages":[{"role":"user","content":[' + data + b"]}]}"):
        found = read_or_refused(body)
        assert isinstance(found, Request) or found is Kind.INVALID_REQUEST


def read_or_refused(body: bytes) -> Request | Kind:
    """The request, or the kind of trouble."""
    try:
        return DIALECT.read_request(body)
    except Trouble as trouble:
        return trouble.problem.kind
