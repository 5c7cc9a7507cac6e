"""The laws that every dialect obeys, for any requests, answers and slicings of this one."""

from __future__ import annotations

import json
import re
from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.canon.events import Event, Failed, Finished, Reason
from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.reply import Reply, fold, unfold
from dragoman.canon.request import Part, Request, Text, Thinking, ToolCall
from dragoman.canon.seal import NATIVE
from dragoman.canon.usage import Usage
from dragoman.dialects.gemini import DIALECT
from dragoman.dialects.gemini.speak import arguments_of
from tests.dialects.gemini.stage import (
    BARE,
    HEARING,
    NEW,
    OLD,
    ORIGIN,
    OWN,
    TELLING,
    Json,
    events,
    frames,
    legal,
    read,
    strictly,
    target,
    told,
    write,
)
from tests.laws.strategies import bytewise, joined, replies, requests, slices, streams

SPEAKABLE: tuple[Reason, ...] = ("end", "tool_calls", "max_output", "refusal")
RECORDED = st.sampled_from(sorted(OWN.glob("*.sse"))).map(lambda path: path.read_bytes())
WRITTEN = streams(ORIGIN, reasons=SPEAKABLE).map(told)
ARRAYS = WRITTEN.map(lambda data: json.dumps(frames(data), ensure_ascii=False, indent=1).encode())


@given(st.one_of(RECORDED, WRITTEN, ARRAYS), st.data())
@settings(max_examples=60)
def test_law_1_any_splitting_gives_the_same_events(data: bytes, draws: st.DataObject) -> None:
    expected = joined(events(data))
    assert joined(events(bytewise(data))) == expected
    assert joined(events(draws.draw(slices(data)))) == expected


@given(st.one_of(RECORDED, WRITTEN, ARRAYS), st.floats(0, 1))
@settings(max_examples=60)
def test_law_2_a_cut_stream_never_finishes(data: bytes, share: float) -> None:
    cut = data[: int(len(data) * share)]
    ending = events(cut)[-1]
    if isinstance(ending, Finished):
        assert b"finishReason" in cut or b"finish_reason" in cut or b"blockReason" in cut
    else:
        assert isinstance(ending, Failed)


def of_the_vendor(reply: Reply) -> Reply:
    """The reply with signatures as the vendor makes them: in base64."""
    parts = tuple(
        replace(part, seal=replace(part.seal, blob=b64encode(part.seal.blob.encode()).decode())) if part.seal else part
        for part in reply.parts
    )
    return replace(reply, parts=parts)


def settled(reply: Reply) -> Reply:
    """What a reader must make of a written reply: neighbours of one kind without a signature between are one part."""
    parts: list[Part] = []
    for part in reply.parts:
        if isinstance(part, Thinking):
            part = replace(part, redacted=False)
        if isinstance(part, ToolCall):
            part = replace(part, arguments=_said(part.arguments))
        last = parts[-1] if parts else None
        is_empty = isinstance(part, Text | Thinking) and not part.text and not _blob(part)
        if is_empty:
            continue
        match part, last:
            case (Text() as now, Text() as before) | (Thinking() as now, Thinking() as before) if not _blob(before):
                parts[-1] = replace(before, text=before.text + now.text, seal=now.seal)
            case _:
                parts.append(part)
    return replace(reply, parts=tuple(parts))


def _said(arguments: str) -> str:
    told_as = arguments_of(arguments)
    return json.dumps(told_as) if isinstance(told_as, dict) else bytes(told_as).decode()


def _blob(part: Part) -> str:
    return part.seal.blob if part.seal else ""


def gist(reply: Reply) -> list[tuple[object, ...]]:
    """Kinds, texts and signatures of the parts; arguments as values."""
    return [
        (
            type(part).__name__,
            getattr(part, "text", ""),
            json.loads(part.arguments) if isinstance(part, ToolCall) else None,
            _blob(part),
        )
        for part in settled(reply).parts
    ]


@given(replies(ORIGIN, reasons=SPEAKABLE).filter(lambda reply: _is_plain(reply)).map(of_the_vendor))
@settings(max_examples=80)
def test_law_3_what_is_written_is_read_alike(reply: Reply) -> None:
    streamed = fold(events(told(unfold(reply), BARE)))
    entire = fold(legal(DIALECT.read_reply(DIALECT.write_reply(reply, BARE), HEARING)))
    assert gist(streamed) == gist(entire) == gist(reply)
    assert streamed.usage == entire.usage == _counted(reply.usage)
    assert streamed.finish == entire.finish
    assert streamed.finish is not None
    has_calls = any(isinstance(part, ToolCall) for part in reply.parts)
    assert reply.finish is not None
    expected = reply.finish.reason
    if expected in ("end", "tool_calls"):
        expected = "tool_calls" if has_calls else "end"
    assert streamed.finish.reason == expected


def _is_plain(reply: Reply) -> bool:
    """Whether a reply says something, and hides no thinking, for which only what clients return has a mark."""
    hides = any(isinstance(part, Thinking) and part.redacted for part in reply.parts)
    return not hides and any(_speaks(part) for part in reply.parts)


def _speaks(part: Part) -> bool:
    return isinstance(part, ToolCall) or bool(getattr(part, "text", ""))


def _counted(usage: Usage) -> Usage:
    """The counts as this wire tells them: what was written to a cache is of the prompt, thinking within the output."""
    if usage == Usage():
        return usage
    thinking = usage.thinking or 0
    output = max(usage.output or 0, thinking)
    return Usage(
        input=usage.prompt - (usage.cache_read or 0),
        cache_read=usage.cache_read,
        output=output,
        thinking=usage.thinking,
    )


@given(replies("acme", "other", reasons=SPEAKABLE))
@settings(max_examples=60)
def test_law_3_a_seal_survives_a_client_that_returns_what_it_was_told(reply: Reply) -> None:
    said = json.loads(DIALECT.write_reply(reply, TELLING))["candidates"][0]["content"]
    shown = [part for part in reply.parts if not (isinstance(part, Thinking) and part.redacted and not part.seal)]
    returned = read({"contents": [said]}).turns[0].parts
    assert [part.seal for part in returned] == [part.seal for part in shown]
    assert [type(part) for part in returned] == [type(part) for part in shown]
    redacted = [part.redacted for part in returned if isinstance(part, Thinking)]
    assert redacted == [part.redacted for part in shown if isinstance(part, Thinking)]


@given(requests("gemini", NATIVE, ORIGIN))
@settings(max_examples=60)
def test_law_4_reading_and_writing_again_gives_the_same(request_: Request) -> None:
    first = DIALECT.write_request(read(_body(request_)), target())
    again = DIALECT.write_request(read(first.body), target())
    assert json.loads(again.body) == json.loads(first.body)
    assert not again.losses


def _body(request: Request) -> Json:
    body: Json = json.loads(DIALECT.write_request(request, target()).body)
    body["contents"] = body["contents"] or [{"role": "user", "parts": [{"text": "x"}]}]
    return body


@st.composite
def embroidered(draw: st.DrawFn) -> Json:
    """A body with members that nobody knows, at every level where there may be any."""
    body = _body(draw(requests("gemini", NATIVE, ORIGIN)))
    holders: list[Any] = [body, body.setdefault("generationConfig", {}), body.setdefault("toolConfig", {})]
    for content in body["contents"]:
        holders.append(content)
        for part in content["parts"]:
            holders.append(part)
            holders += [value for name, value in part.items() if name in ("functionCall", "functionResponse")]
    for tool in body.get("tools", ()):
        holders += tool.get("functionDeclarations", ())
    for place, holder in enumerate(holders):
        if draw(st.booleans()):
            holder[f"novel{place}"] = {"of": place}
    return body


@given(embroidered())
@settings(max_examples=40)
def test_law_6_members_nobody_knows_come_back_where_they_were(body: Json) -> None:
    again = DIALECT.write_request(read(body), target())
    known = re.findall(r'"novel\d+"', json.dumps(body))
    written = re.findall(r'"novel\d+"', again.body.decode())
    assert sorted(written) == sorted(known)
    assert not again.losses


@given(requests("tongue", "", "acme"), st.sampled_from([NEW, OLD]))
@settings(max_examples=80)
def test_any_request_of_another_dialect_is_what_the_vendor_takes(request_: Request, habits: Any) -> None:
    with contextmanager(unless_unsupported)():
        strictly(write(request_, habits, reasoning_echo="thoughtSignature", prefill=False)[0])


def unless_unsupported() -> Iterator[None]:
    """Lets a request pass that only another vendor can answer, if that is what it is told."""
    try:
        yield
    except Trouble as trouble:
        if trouble.problem.kind is not Kind.UNSUPPORTED:
            raise


@given(streams("acme", reasons=("end", "max_output", "refusal", "unknown", "pause")))
@settings(max_examples=60)
def test_law_8_nothing_follows_a_failure(found: list[Event]) -> None:
    said = frames(told(found))
    failures = [place for place, each in enumerate(said) if "error" in each]
    assert failures in ([], [len(said) - 1])
    finishes = [each for each in said if any("finishReason" in c for c in each.get("candidates", ()))]
    assert len(finishes) == (0 if failures else 1)
