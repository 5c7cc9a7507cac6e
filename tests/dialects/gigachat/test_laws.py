"""The laws of translation, for any request, any answer and any oddity of the vendor."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st

from dragoman.canon.events import Event, Failed, Finished, PartOpened, PartSealed
from dragoman.canon.order import OrderKeeper
from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.canon.reply import Reply, fold, unfold
from dragoman.canon.request import Part, Refusal, Request, Text, Thinking, ToolCall
from dragoman.dialects.base import Hearing
from dragoman.dialects.gigachat import DIALECT
from tests.dialects.gigachat.stage import (
    BARE,
    HEARING,
    NEWER,
    OLDER,
    ORIGIN,
    OWN,
    TELLING,
    Json,
    ending,
    losses,
    scene,
    target,
    write,
)
from tests.laws import strategies
from tests.standin import gigachat_voice
from tests.standin.ask import Ask
from tests.standin.reply import Call, Signer
from tests.standin.reply import Reply as Said
from tests.standin.reply import Text as SaidText
from tests.standin.reply import Thinking as SaidThinking
from tests.standin.reply import Usage as SaidUsage
from tests.standin.shape import Shape, stream_bytes
from tests.standin.voice import Speech

STREAMS = sorted(path.name for path in OWN.glob("*.sse"))
WORDS = st.text(max_size=12)
SAID = st.text(min_size=1, max_size=12)

# Answers


def read(pieces: Sequence[bytes], hearing: Hearing = HEARING) -> list[Event]:
    reader = DIALECT.reader(hearing)
    found = [event for piece in pieces for event in reader.feed(piece)] + reader.close()
    keeper = OrderKeeper()
    assert keeper.keep(found) == found
    assert keeper.ended
    return found


def without_beats(events: list[Event]) -> list[Event]:
    return [event for event in events if type(event).__name__ != "Beat"]


@given(st.data(), st.sampled_from(STREAMS))
@settings(max_examples=60)
def test_law_1_any_slices_give_the_same_events(data: st.DataObject, name: str) -> None:
    stream = scene(name)
    whole = without_beats(read([stream]))
    assert without_beats(read(data.draw(strategies.slices(stream)))) == whole
    assert without_beats(read(strategies.bytewise(stream))) == whole


@given(st.sampled_from(STREAMS), st.integers(0, 3000))
@settings(max_examples=120)
def test_law_2_a_cut_stream_has_one_ending_and_no_success_of_its_own(name: str, at: int) -> None:
    stream = scene(name)
    found = read([stream[:at]])
    finished = isinstance(found[-1], Finished)
    assert sum(isinstance(event, Finished | Failed) for event in found) == 1
    assert finished <= (b'"finish_reason":' in stream[:at])
    if not finished:
        calls = [event.index for event in found if isinstance(event, PartOpened) and isinstance(event.head, ToolCall)]
        assert not [event for event in found if isinstance(event, PartSealed) and event.index in calls]


SHAPES = st.builds(
    Shape,
    newline=st.sampled_from(["\n", "\r\n", "\r"]),
    bom=st.booleans(),
    comments=st.booleans(),
    blank_after_colon=st.booleans(),
    multiline_data=st.booleans(),
    last_blank_line=st.booleans(),
    pings=st.booleans(),
    text=st.sampled_from(["whole", "words", "fragments", "chars"]),
    usage=st.sampled_from(["final", "none", "null"]),
    ending=st.sampled_from(["once", "twice", "none"]),
    calls=st.sampled_from(["in_order", "interleaved", "with_finish"]),
    role_chunk=st.booleans(),
    unknown_events=st.booleans(),
    legacy_function_call=st.booleans(),
)
"""All oddities; `interleaved` tells several calls in an answer, `legacy_function_call` arguments as text."""
CALLS = st.builds(
    Call,
    st.sampled_from(["Read", "Write"]),
    st.dictionaries(st.sampled_from("abc"), SAID, min_size=1).map(json.dumps),
)
ANSWERS = st.builds(
    lambda thought, text, calls, usage: Said(
        parts=(*([SaidThinking(thought)] if thought else []), *([SaidText(text)] if text else []), *calls), usage=usage
    ),
    st.text("abc <>", max_size=12),
    st.text("xyz\n", max_size=12),
    st.lists(CALLS, max_size=3, unique_by=lambda call: (call.name, call.arguments)),
    st.builds(SaidUsage, st.integers(1, 99), st.integers(0, 9), st.just(0), st.integers(1, 99)),
)


@given(SHAPES, ANSWERS)
@settings(max_examples=150)
def test_every_oddity_of_the_vendor_is_read_as_what_was_meant(shape: Shape, said: Said) -> None:
    ask = Ask(dialect="gigachat", model="GigaChat", stream=True)
    speech = Speech(ask, said, said.usage or SaidUsage(), shape, Signer(), "standin1")
    reply = fold(read([b"".join(stream_bytes(gigachat_voice.frames(speech), shape))]))
    told = said.calls if shape.calls == "interleaved" else said.calls[:1]
    calls = [part for part in reply.parts if isinstance(part, ToolCall)]
    assert "".join(part.text for part in reply.parts if isinstance(part, Thinking)) == said.thinking
    assert "".join(part.text for part in reply.parts if isinstance(part, Text)) == said.text
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        (call.name, json.loads(call.arguments)) for call in told
    ]
    assert len({call.id for call in calls}) == len(calls)
    assert all(call.seal is not None and call.seal.origin == ORIGIN for call in calls)
    assert ending(reply) == ("tool_calls" if calls else "end" if reply.parts else "upstream_error")
    if shape.usage == "final" and said.usage:
        usage = reply.usage
        assert (usage.input, usage.cache_read, usage.output) == (
            said.usage.input,
            said.usage.cache_read,
            said.usage.output,
        )


def can_be_told(part: Part) -> bool:
    """Whether a call's arguments are the object that this wire demands."""
    if not isinstance(part, ToolCall):
        return True
    try:
        value = json.loads(part.arguments.strip() or "{}", parse_constant=str)
    except ValueError:
        return False
    return isinstance(value, dict) and "NaN" not in part.arguments


def spoken(reply: Reply) -> dict[str, Any]:
    """What of a reply this wire can say: words, the first call, and the counts."""
    calls = [part for part in reply.parts if isinstance(part, ToolCall)][:1]
    usage = reply.usage
    return {
        "text": "".join(part.text for part in reply.parts if isinstance(part, Text | Refusal)),
        "thinking": "".join(part.text for part in reply.parts if isinstance(part, Thinking)),
        "calls": [(call.name, json.loads(call.arguments or "{}"), call.seal) for call in calls if can_be_told(call)],
        "usage": (usage.prompt, usage.output or 0, usage.cache_read),
    }


@given(strategies.replies("giga", "claude"))
@settings(max_examples=120)
def test_law_3_and_5_what_is_written_reads_as_what_was_meant(reply: Reply) -> None:
    streamed = fold(read([DIALECT.writer(TELLING).write(unfold(reply))]))
    whole = fold(DIALECT.read_reply(DIALECT.write_reply(reply, TELLING), HEARING))
    call = next((part for part in reply.parts if isinstance(part, ToolCall)), None)
    for found in (streamed, whole):
        told, meant = spoken(found), spoken(reply)
        assert (told["text"], told["thinking"]) == (meant["text"], meant["thinking"])
        assert [each[:2] for each in told["calls"]] == [each[:2] for each in meant["calls"]]
        assert found.model == "asked"
        if reply.usage.prompt or reply.usage.output or reply.usage.cache_read:
            assert told["usage"] == meant["usage"]
    assert ending(streamed) == ending(whole)
    if call is not None and not can_be_told(call):
        assert ending(streamed) == "upstream_error"


@given(strategies.streams("giga", "claude"))
@settings(max_examples=80)
def test_a_stream_in_pieces_is_told_as_its_whole(said: list[Event]) -> None:
    writer = DIALECT.writer(TELLING)
    stream = b"".join([writer.write([event]) for event in said])
    reply, heard = fold(said), fold(read([stream]))
    if reply.problem is not None:
        assert heard.problem is not None
        assert b"[DONE]" not in stream
        assert b'"finish_reason"' not in stream
    else:
        assert spoken(heard)["text"] == spoken(reply)["text"]


@given(strategies.replies("giga", "claude"), st.integers(0, 30))
@settings(max_examples=60)
def test_law_8_nothing_good_follows_a_failure(reply: Reply, at: int) -> None:
    said = [event for event in unfold(reply)[: at + 1] if not isinstance(event, Finished)]
    stream = DIALECT.writer(TELLING).write([*said, Failed(problem(Kind.CUT_SHORT, "Cut."))])
    assert b"[DONE]" not in stream
    assert b'"finish_reason"' not in stream
    assert stream.count(b'"role":"assistant"') <= 1
    assert isinstance(read([stream])[-1], Failed)


@given(st.lists(st.one_of(st.binary(max_size=40), st.sampled_from([b"data: ", b"\n\n", b'{"choices":[', b"[DONE]"]))))
@settings(max_examples=150)
def test_a_reader_never_raises_for_what_an_upstream_did(pieces: list[bytes]) -> None:
    read(pieces)
    DIALECT.read_reply(b"".join(pieces), HEARING)
    DIALECT.read_problem(422, {}, b"".join(pieces))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False), WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["name", "arguments", "role", "text"]), inner)
    ),
    max_leaves=6,
)
ODD_MEMBERS = [
    *("content", "reasoning_content", "function_call", "functions_state_id", "role", "usage", "finish_reason"),
    *("index", "message", "status", "code", "prompt_tokens", "created", "model"),
]


@given(st.lists(st.dictionaries(st.sampled_from(ODD_MEMBERS), JSON, max_size=4), max_size=4), JSON, JSON)
@settings(max_examples=150)
def test_a_reader_never_raises_for_any_json(deltas: list[Json], usage: Any, error: Any) -> None:
    chunks = [{"choices": [{"delta": delta, **delta}], "usage": usage, "model": usage} for delta in deltas]
    read([b"".join(b"data: " + json.dumps(each).encode() + b"\n\n" for each in [*chunks, error])])
    for each in [*chunks, error, {"status": error}, {"message": error}, {"error": error}]:
        body = json.dumps(each).encode()
        DIALECT.read_reply(body, HEARING)
        DIALECT.read_problem(422, {}, body)
        DIALECT.editor(HEARING, TELLING)
        DIALECT.edit_reply(body, HEARING, TELLING)


# Requests


@given(strategies.requests("tongue", ORIGIN, "else", ""))
@settings(max_examples=150)
def test_a_strict_vendor_takes_what_any_dialect_asks(request: Request) -> None:
    for habits in (OLDER, NEWER):
        try:
            write(request, habits)
        except Trouble as found:
            assert found.problem.kind is Kind.UNSUPPORTED  # noqa: PT017 - the other half of the claim


@given(strategies.requests("tongue", ORIGIN, "else", ""))
@settings(max_examples=60)
def test_law_6_what_is_not_said_is_a_loss(request: Request) -> None:
    try:
        body, written = write(request, NEWER)
    except Trouble:
        return
    lost = losses(written)
    said = json.dumps(body, ensure_ascii=False)
    for what, wish in (("top_k", request.sampling.top_k), ("user", request.user), ("stop", request.stop or None)):
        assert (what in lost) == (wish is not None)
    for part in request.system:
        assert json.dumps(getattr(part, "text", ""), ensure_ascii=False)[1:-1] in said
    assert (request.extras is None) or set(request.extras.members) <= set(lost)
    assert set(written.local_stops) == set(request.stop)


MEMBERS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0.1, 1.0]),
        "top_p": st.sampled_from([0.1, 1.0]),
        "max_tokens": st.integers(1, 99),
        "stream": st.just(True),
        "reasoning_effort": st.sampled_from(["low", "high"]),
        "repetition_penalty": st.just(1.1),
        "update_interval": st.just(0.5),
        "profanity_check": st.booleans(),
        "flags": st.just(["a"]),
        "function_ranker": st.just({"enabled": True, "top_n": 3}),
        "response_format": st.sampled_from(
            [{"type": "text"}, {"type": "json_schema", "schema": {"type": "object"}, "strict": True}]
        ),
        "functions": st.just(
            [
                {"name": "text2image"},
                {
                    "name": "Read",
                    "description": "Reads.",
                    "parameters": {"type": "object", "properties": {"path": {"type": "string"}}},
                    "few_shot_examples": [{"request": "a", "params": {"path": "b"}}],
                    "return_parameters": {"type": "object"},
                },
            ]
        ),
        "function_call": st.sampled_from(["auto", "none", {"name": "Read", "partial_arguments": {"path": "a"}}]),
    },
)
SPOKEN: list[list[Json]] = [
    [{"role": "user", "content": "имя"}],
    [{"role": "user", "content": "see", "attachments": ["file_1", "file_2"]}],
    [{"role": "assistant", "content": "said", "functions_state_id": "77d3fb14"}],
    [{"role": "assistant", "content": "", "reasoning_content": "hm"}],
    [
        {
            "role": "assistant",
            "content": "",
            "function_call": {"name": "Read", "arguments": {"path": "a", "n": 1.0}},
            "functions_state_id": "77d3fb14-457a-46ba-937e-8d856156d003",
        },
        {"role": "function", "name": "Read", "content": '{"result": 1}'},
    ],
    [{"role": "assistant", "content": "open", "function_call": {"name": "Open", "arguments": {}}}],
    [{"role": "system", "content": "midway"}],
]
EXCHANGES = st.lists(st.sampled_from(SPOKEN), max_size=5).map(
    lambda exchanges: [message for exchange in exchanges for message in exchange]
)


@given(st.one_of(st.none(), WORDS), EXCHANGES, MEMBERS)
@settings(max_examples=150)
@example(None, [{"role": "user", "content": ""}], {})
def test_law_4_a_body_read_and_written_again_is_the_same(system: str | None, talk: list[Json], members: Json) -> None:
    head = [] if system is None else [{"role": "system", "content": system}]
    body = {"model": "GigaChat-2-Max", "messages": [*head, {"role": "user", "content": "hi"}, *talk], **members}
    request = DIALECT.read_request(json.dumps(body).encode())
    written = DIALECT.write_request(request, target(native=True, stream=request.stream))
    assert json.loads(written.body) == body
    assert losses(written) == []


@given(strategies.replies("giga", "claude"))
@settings(max_examples=40)
def test_a_client_that_keeps_what_it_got_gives_a_call_s_seal_back(reply: Reply) -> None:
    for telling in (TELLING, BARE):
        message = json.loads(DIALECT.write_reply(reply, telling))["choices"][0]["message"]
        body = {"model": "m", "messages": [{"role": "user", "content": "x"}, message]}
        parts = DIALECT.read_request(json.dumps(body).encode()).turns[1].parts
        made = next((part for part in reply.parts if isinstance(part, ToolCall)), None)
        if made is not None and can_be_told(made):
            found = next(part for part in parts if isinstance(part, ToolCall))
            blob = made.seal.blob if made.seal else None
            assert (found.seal.blob if found.seal else None) == blob
            if telling is TELLING:
                assert found.seal == made.seal


def fault_found_in(body: bytes) -> Kind | None:
    """The kind of problem that a body is refused with; None if it is read."""
    try:
        DIALECT.read_request(body)
    except Trouble as found:
        return found.problem.kind
    return None


@given(st.binary(max_size=60))
def test_a_body_is_read_or_refused_as_the_client_s_fault(body: bytes) -> None:
    assert fault_found_in(body) in (None, Kind.INVALID_REQUEST)


@given(
    st.dictionaries(
        st.sampled_from(["model", "messages", "functions", "function_call", "response_format", "temperature"]), JSON
    ),
    JSON,
)
@settings(max_examples=150)
def test_any_json_is_read_or_refused_as_the_client_s_fault(members: Json, item: Any) -> None:
    for found in (
        members.get("messages"),
        [{"role": "user", "content": item}],
        [{"role": "assistant", "function_call": item, "attachments": item}],
        [{"role": "function", "name": item}],
        item,
    ):
        body = json.dumps({"model": "m", **members, "messages": found}).encode()
        assert fault_found_in(body) in (None, Kind.INVALID_REQUEST)
