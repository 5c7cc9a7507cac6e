"""The laws of translation, for any request, any answer and any oddity of an upstream."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

from hypothesis import example, given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dragoman.canon.events import Event, Failed, Finished, PartOpened, PartSealed, Reason
from dragoman.canon.habits import Habits
from dragoman.canon.order import OrderKeeper
from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.canon.reply import Reply, fold, unfold
from dragoman.canon.request import (
    CacheMark,
    Extras,
    File,
    Image,
    Inline,
    Link,
    OutputShape,
    Part,
    Reasoning,
    Refusal,
    Request,
    Sampling,
    Seal,
    ServerTool,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolReference,
    ToolResult,
    Turn,
    Unknown,
)
from dragoman.canon.usage import Usage
from dragoman.dialects.base import Hearing
from dragoman.dialects.openai_chat import DIALECT
from dragoman.dialects.openai_chat.shut import shut_turns
from dragoman.dialects.openai_chat.turns import read_turns
from dragoman.dialects.take import Members
from tests.dialects.openai_chat.wire import (
    HEARING,
    ORIGIN,
    SCENES,
    TELLING,
    Json,
    ending,
    gist,
    losses,
    refusals,
    scene,
    target,
    write,
)
from tests.laws import strategies
from tests.standin import chat_voice
from tests.standin.ask import Ask
from tests.standin.check_chat import check_chat
from tests.standin.reply import Call, Signer
from tests.standin.reply import Reply as Said
from tests.standin.reply import Text as SaidText
from tests.standin.reply import Thinking as SaidThinking
from tests.standin.reply import Usage as SaidUsage
from tests.standin.rules import Rules
from tests.standin.shape import Shape, stream_bytes
from tests.standin.voice import Speech

STREAMS = sorted(f"streams/{path.name}" for path in (SCENES / "streams").iterdir())
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


@st.composite
def cuts(draw: st.DrawFn) -> tuple[bytes, list[bytes]]:
    """A stream and the same stream in slices."""
    stream = scene(draw(st.sampled_from(STREAMS)))
    points = sorted(draw(st.sets(st.integers(0, len(stream)), max_size=12)))
    return stream, [stream[start:end] for start, end in zip([0, *points], [*points, len(stream)], strict=True)]


@given(cuts())
@settings(max_examples=60)
def test_law_1_any_slices_give_the_same_events(cut: tuple[bytes, list[bytes]]) -> None:
    stream, slices = cut
    whole = without_beats(read([stream]))
    assert without_beats(read(slices)) == whole
    assert without_beats(read([stream[at : at + 1] for at in range(len(stream))])) == whole


@given(st.sampled_from(STREAMS), st.integers(0, 4000))
@settings(max_examples=120)
def test_law_2_a_cut_stream_has_one_ending_and_no_success_of_its_own(name: str, at: int) -> None:
    stream = scene(name)
    found = read([stream[:at]])
    finished = isinstance(found[-1], Finished)
    assert sum(isinstance(event, Finished | Failed) for event in found) == 1
    assert finished <= (b'"finish_reason":"' in stream[:at])
    if not finished:
        last_call = [
            event.index for event in found if isinstance(event, PartOpened) and isinstance(event.head, ToolCall)
        ]
        assert not [event for event in found if isinstance(event, PartSealed) and event.index in last_call]


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
    arguments=st.sampled_from(["whole", "fragments", "chars"]),
    usage=st.sampled_from(["final", "finish", "every", "none", "null"]),
    ending=st.sampled_from(["once", "twice", "none"]),
    calls=st.sampled_from(["in_order", "interleaved", "with_finish"]),
    reasoning=st.sampled_from(["reasoning_content", "reasoning", "reasoning_details", "think_tags"]),
    ids=st.sampled_from(["given", "missing", "empty", "duplicate", "every_chunk"]),
    late_names=st.booleans(),
    object_arguments=st.booleans(),
    unknown_events=st.booleans(),
    empty_choices_first=st.booleans(),
    empty_starts=st.booleans(),
    role_chunk=st.booleans(),
    empty_finish=st.booleans(),
)
"""All oddities but those in which calls cannot be told apart by anything but whole arguments; they have scenes."""
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
    st.text("xyz\n", min_size=1, max_size=12).map(lambda text: f"A{text}"),
    st.lists(CALLS, max_size=3),
    st.builds(SaidUsage, st.integers(1, 99), st.integers(0, 9), st.just(0), st.integers(1, 99)),
)


@given(SHAPES, ANSWERS)
@settings(max_examples=150)
def test_every_oddity_of_an_upstream_is_read_as_what_was_meant(shape: Shape, said: Said) -> None:
    ask = Ask(dialect="openai_chat", model="m", stream=True, include_usage=True)
    speech = Speech(ask, said, said.usage or SaidUsage(), shape, Signer(), "chatcmpl-1")
    stream = b"".join(stream_bytes(chat_voice.frames(speech), shape))
    hearing = Hearing(origin=ORIGIN, habits=Habits(think_tags=shape.reasoning == "think_tags"))
    reply = fold(read([stream], hearing))
    parts = gist(reply)
    assert "".join(part[1] for part in parts if part[0] == "thinking") == said.thinking
    assert "".join(part[1] for part in parts if part[0] == "text") == said.text
    assert [(part[2], json.loads(part[3])) for part in parts if part[0] == "call"] == [
        (call.name, json.loads(call.arguments)) for call in said.calls
    ]
    assert len({part[1] for part in parts if part[0] == "call"}) == len(said.calls)
    assert ending(reply) == ("tool_calls" if said.calls else "end")
    if shape.usage not in ("none", "null") and said.usage:
        assert (reply.usage.prompt, reply.usage.output) == (said.usage.input + said.usage.cache_read, said.usage.output)


SEALS = st.one_of(st.none(), st.builds(Seal, st.sampled_from(["claude", "deepseek"]), st.text("abc", max_size=5)))
PARTS: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, SAID),
    st.builds(Thinking, SAID, seal=SEALS),
    st.builds(lambda seal: Thinking("", redacted=True, seal=seal), st.builds(Seal, st.just("claude"), SAID)),
    st.builds(Refusal, SAID),
    st.builds(
        ToolCall, st.text("abc", min_size=1, max_size=3), st.just("Read"), st.text("{}a", min_size=1), seal=SEALS
    ),
    st.builds(ServerTool, st.just("tongue"), SAID, st.just(Raw(b"{}")), st.one_of(st.none(), SAID)),
)
COUNTS = st.one_of(st.none(), st.integers(1, 99))
REASONS: list[Reason] = ["end", "tool_calls", "max_output", "stop_sequence", "refusal", "context_full", "unknown"]
REPLIES = st.builds(
    lambda parts, usage, reason: Reply(
        id="c1", model="asked", parts=tuple(parts), usage=usage, finish=Finished(reason)
    ),
    st.lists(PARTS, max_size=6, unique_by=lambda part: part.id if isinstance(part, ToolCall) else object()),
    st.builds(Usage, COUNTS, COUNTS, COUNTS, st.none(), st.integers(1, 99), COUNTS),
    st.sampled_from(REASONS),
)


def spoken(reply: Reply) -> dict[str, Any]:
    """What of a reply this wire can say: the words of each kind, the calls, and the counts."""
    kinds: dict[str, list[Any]] = {"text": [], "thinking": [], "refusal": [], "call": []}
    for part in reply.parts:
        if isinstance(part, ServerTool):
            kinds["text"].append(part.fallback or "")
        else:
            short = gist(Reply(parts=(part,)))[0]
            kinds[short[0]].append(short[1:] if short[0] == "call" else short[1])
    words = {kind: "".join(said) for kind, said in kinds.items() if kind != "call"}
    usage = reply.usage
    return {**words, "call": kinds["call"], "usage": (usage.prompt, usage.output, usage.cache_read, usage.thinking)}


@given(REPLIES)
@settings(max_examples=100)
def test_law_3_and_5_what_is_written_reads_as_what_was_meant(reply: Reply) -> None:
    streamed = fold(read([DIALECT.writer(TELLING).write(unfold(reply))]))
    whole = fold(DIALECT.read_reply(DIALECT.write_reply(reply, TELLING), HEARING))
    assert spoken(streamed) == spoken(whole) == spoken(reply)
    assert (streamed.id, streamed.model, whole.model) == ("c1", "asked", "asked")
    assert streamed.finish is not None
    assert whole.finish is not None
    assert streamed.finish.reason == whole.finish.reason
    assert fold(unfold(streamed)) == streamed


@given(REPLIES, st.integers(0, 30))
@settings(max_examples=60)
def test_law_8_nothing_good_follows_a_failure(reply: Reply, at: int) -> None:
    events = unfold(reply)[: at + 1]
    events = [event for event in events if not isinstance(event, Finished)]
    said = DIALECT.writer(TELLING).write([*events, Failed(problem(Kind.CUT_SHORT, "Cut."))])
    assert b"[DONE]" not in said
    assert b'"finish_reason":"' not in said
    assert said.count(b'"role":"assistant"') <= 1
    assert isinstance(read([said])[-1], Failed)


@given(
    st.lists(
        st.one_of(st.binary(max_size=40), st.sampled_from([b"data: ", b"\n\n", b'{"choices":[', b"[DONE]", b"{}"]))
    )
)
@settings(max_examples=150)
def test_a_reader_never_raises_for_what_an_upstream_did(pieces: list[bytes]) -> None:
    read(pieces)
    DIALECT.read_reply(b"".join(pieces), HEARING)
    DIALECT.read_problem(400, {}, b"".join(pieces))


JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-5, 5), st.floats(allow_nan=False, allow_infinity=False), WORDS),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["id", "index", "name"]), inner)
    ),
    max_leaves=6,
)
ODD_MEMBERS = [
    *("content", "reasoning", "reasoning_details", "tool_calls", "function_call", "refusal", "annotations", "function"),
    *(
        "arguments",
        "usage",
        "error",
        "finish_reason",
        "index",
        "id",
        "custom",
        "prompt_tokens_details",
        "message",
        "code",
    ),
]


@given(st.lists(st.dictionaries(st.sampled_from(ODD_MEMBERS), JSON, max_size=4), max_size=4), JSON, JSON)
@settings(max_examples=150)
def test_a_reader_never_raises_for_any_json(deltas: list[Json], usage: Any, error: Any) -> None:
    chunks = [{"choices": [{"delta": delta, **delta}], "usage": usage} for delta in deltas]
    stream = b"".join(b"data: " + json.dumps(chunk).encode() + b"\n\n" for chunk in [*chunks, {"error": error}])
    read([stream])
    for chunk in chunks:
        DIALECT.read_reply(json.dumps(chunk).encode(), HEARING)
    DIALECT.read_problem(422, {}, json.dumps({"error": error}).encode())
    DIALECT.read_problem(422, {}, json.dumps(error).encode())


# Requests

MARKS = st.one_of(st.none(), st.just(CacheMark()))
FOREIGN = st.one_of(st.none(), st.just(Extras("tongue", {"novel": Raw(b"1")})))
TEXTS = st.builds(Text, WORDS, MARKS, extras=FOREIGN)
IDS = st.sampled_from(["a", "b", "toolu_" + "x" * 40])
NAMES = st.sampled_from(["Read", "mcp__a.b c", "n" * 90])
SHOWN: st.SearchStrategy[Part] = st.one_of(
    TEXTS,
    st.builds(Image, st.sampled_from([Inline("image/png", "aGk="), Link("https://a.b/c.png")]), extras=FOREIGN),
    st.builds(File, st.sampled_from([Inline("application/pdf", "aGk="), None]), st.just("t"), extras=FOREIGN),
    st.builds(ToolReference, NAMES, extras=FOREIGN),
    st.builds(Unknown, st.just("tongue"), st.just("odd"), st.just(Raw(b"{}")), st.one_of(st.none(), SAID)),
)
RESULTS = st.builds(
    lambda call_id, parts, is_error, mark, extras: ToolResult(
        call_id, tuple(parts), is_error, cache_mark=mark, extras=extras
    ),
    IDS,
    st.lists(SHOWN, max_size=2),
    st.sampled_from([None, False, True]),
    MARKS,
    FOREIGN,
)
SPOKEN: st.SearchStrategy[Part] = st.one_of(
    TEXTS,
    st.builds(Thinking, SAID, seal=st.sampled_from([None, Seal(ORIGIN, ""), Seal("else", "x")]), extras=FOREIGN),
    st.builds(Refusal, SAID, extras=FOREIGN),
    st.builds(ToolCall, IDS, NAMES, st.sampled_from(["", "{}", "{broken"]), extras=FOREIGN),
)


def turns(role: str, parts: st.SearchStrategy[Part]) -> st.SearchStrategy[Turn]:
    return st.builds(Turn, st.just(role), st.lists(parts, max_size=4).map(tuple), extras=FOREIGN)


TURNS = st.one_of(
    turns("user", st.one_of(SHOWN, RESULTS)), turns("assistant", SPOKEN), turns("system", st.one_of(TEXTS))
)
SCHEMAS = st.sampled_from([None, Raw(b"{}"), Raw(b'{"type":"object","properties":{"a":{"type":"string"}}}')])
TOOLS = st.lists(
    st.builds(Tool, NAMES, st.one_of(st.none(), SAID), SCHEMAS, deferred=st.booleans(), extras=FOREIGN),
    max_size=3,
    unique_by=lambda tool: tool.name,
)
CHOICES = st.one_of(st.none(), st.builds(ToolChoice, st.sampled_from(["auto", "any", "none"]), extras=FOREIGN))
REQUESTS = st.builds(
    Request,
    dialect=st.just("tongue"),
    model=st.just("asked"),
    turns=st.lists(TURNS, min_size=1, max_size=6).map(lambda turns: (Turn("user", (Text("hi"),)), *turns)),
    system=st.lists(TEXTS, max_size=2).map(tuple),
    tools=TOOLS.map(tuple),
    tool_choice=CHOICES,
    parallel_tools=st.sampled_from([None, True, False]),
    max_output=st.one_of(st.none(), st.integers(1, 99999)),
    sampling=st.builds(Sampling, st.sampled_from([None, 0.5]), st.just(None), st.sampled_from([None, 3])),
    reasoning=st.builds(
        Reasoning, st.sampled_from([None, "off", "on", "adaptive"]), st.sampled_from([None, 5000]), st.just("high")
    ),
    output_shape=st.sampled_from([None, OutputShape("json_object"), OutputShape("json_schema", Raw(b"{}"))]),
    stop=st.lists(st.sampled_from("abcdefg"), max_size=6, unique=True).map(tuple),
    user=st.one_of(st.none(), st.text(max_size=90)),
    service_tier=st.sampled_from([None, "auto"]),
    extras=FOREIGN,
)


@given(REQUESTS)
@settings(max_examples=100)
def test_a_strict_server_takes_every_request(request: Request) -> None:
    body, _ = write(request, effort="reasoning_effort")
    assert refusals(body) == []


@given(REQUESTS)
@settings(max_examples=60)
def test_a_strict_template_takes_every_request(request: Request) -> None:
    body, _ = write(
        request, system_midway=False, strict_roles=True, string_content=True, reasoning_echo="reasoning_content"
    )
    allowed = frozenset({"messages.reasoning_content"})
    check_chat(body, Rules(system_first=True, alternate=True, allow=allowed, echo_reasoning=True))


@given(REQUESTS)
@settings(max_examples=60)
def test_law_6_what_is_foreign_is_lost_by_name(request: Request) -> None:
    body, written = write(request)
    lost = set(losses(written))
    assert "novel" not in json.dumps(body)
    if request.extras:
        assert "novel" in lost
    if request.sampling.top_k is not None:
        assert "top_k" in lost
    if request.service_tier:
        assert "service_tier" in lost
    if request.reasoning.effort or request.reasoning.mode:
        assert "reasoning" in lost
    if any(turn.extras for turn in request.turns):
        assert "turn.novel" in lost
    parts = [part for turn in request.turns for part in turn.parts]
    if any(isinstance(part, Thinking) for part in parts):
        assert "thinking" in lost
    if len(request.stop) > 4:
        assert written.local_stops == request.stop[4:]


@given(REQUESTS)
@settings(max_examples=40)
def test_writing_is_deterministic(request: Request) -> None:
    try:
        assert DIALECT.write_request(request, target()) == DIALECT.write_request(request, target())
    except Trouble:
        raise AssertionError("nothing here is refused") from None


# One dialect, there and back

OWN = {
    "reasoning_echo": "reasoning_content",
    "cache_marks": True,
    "top_k": True,
    "stop_limit": None,
    "user_limit": 512,
    "max_output_member": "max_completion_tokens",
}
CONTROL = {"type": "ephemeral"}
BODY_PARTS = st.one_of(
    st.builds(lambda text: {"type": "text", "text": text}, WORDS),
    st.builds(lambda text: {"type": "text", "text": text, "cache_control": CONTROL, "novel": 1}, WORDS),
    st.just({"type": "image_url", "image_url": {"url": "data:image/png;base64,aGk=", "detail": "low"}}),
    st.just({"type": "image_url", "image_url": {"url": "https://a.b/c.png"}}),
    st.just({"type": "input_audio", "input_audio": {"data": "aGk=", "format": "wav"}}),
    st.just({"type": "file", "file": {"filename": "a.pdf", "file_data": "data:application/pdf;base64,aGk="}}),
    st.just({"type": "file", "file": {"file_id": "f"}}),
    st.just({"type": "video_url", "video_url": {"url": "x"}}),
)
USERS = st.builds(
    lambda content, more: {"role": "user", "content": content, **more},
    st.one_of(WORDS, st.lists(BODY_PARTS, min_size=1, max_size=3)),
    st.sampled_from([{}, {"name": "n"}]),
)
TALK = st.lists(
    st.one_of(
        USERS.map(lambda message: [message]),
        SAID.map(lambda text: [{"role": "assistant", "content": text}]),
        SAID.map(lambda text: [{"role": "assistant", "content": [{"type": "text", "text": text}]}]),
        SAID.map(lambda text: [{"role": "assistant", "content": None, "refusal": text}]),
        SAID.map(lambda text: [{"role": "system", "content": text, "name": "n"}]),
        st.builds(
            lambda text, thought, result: [
                {
                    "role": "assistant",
                    "content": text,
                    "reasoning_content": thought,
                    "tool_calls": [
                        {"id": "a", "type": "function", "function": {"name": "Read", "arguments": "{}"}, "novel": 1},
                        {"id": "b", "type": "custom", "custom": {"name": "patch", "input": "*"}},
                    ],
                },
                {"role": "tool", "tool_call_id": "a", "content": result, "novel": 1},
                {"role": "tool", "tool_call_id": "b", "content": [{"type": "text", "text": result}]},
            ],
            st.one_of(st.none(), WORDS),
            SAID,
            WORDS,
        ),
    ),
    min_size=1,
    max_size=5,
).map(lambda groups: [message for group in groups for message in group])
SETTINGS = st.fixed_dictionaries(
    {},
    optional={
        "temperature": st.sampled_from([0.5, 1.5]),
        "top_p": st.just(0.5),
        "top_k": st.just(3),
        "seed": st.just(7),
        "frequency_penalty": st.just(0.5),
        "presence_penalty": st.just(0.5),
        "max_completion_tokens": st.just(9),
        "stop": st.lists(SAID, min_size=1, max_size=6, unique=True),
        "user": st.just("me"),
        "service_tier": st.just("flex"),
        "reasoning_effort": st.sampled_from(["low", "xhigh", "none"]),
        "n": st.just(1),
        "logprobs": st.just(True),
        "metadata": st.just({"a": "b"}),
        "novel": JSON.filter(lambda value: value is not None),
        "response_format": st.sampled_from(
            [
                {"type": "text"},
                {"type": "json_object"},
                {"type": "json_schema", "json_schema": {"name": "n", "schema": {}, "strict": True, "novel": 1}},
            ]
        ),
        "tools": st.just(
            [
                {"type": "function", "function": {"name": "Read", "parameters": {"type": "object", "properties": {}}}},
                {"type": "custom", "custom": {"name": "patch", "format": {"type": "text"}}},
                {"type": "novel_tool", "novel": 1},
            ]
        ),
    },
)


@given(st.one_of(st.none(), WORDS), TALK, SETTINGS)
@settings(max_examples=120)
@example(None, [{"role": "user", "content": ""}], {})
def test_law_4_a_body_read_and_written_again_is_the_same(system: str | None, talk: list[Json], members: Json) -> None:
    head = [] if system is None else [{"role": "system", "content": system}]
    body = {"model": "model-x", "messages": [*head, *talk], **members}
    request = DIALECT.read_request(json.dumps(body).encode())
    written = DIALECT.write_request(request, target(native=True, stream=False, **OWN))
    assert json.loads(written.body) == body
    assert losses(written) == []


@given(st.one_of(st.none(), WORDS), TALK)
@settings(max_examples=60)
def test_the_short_way_reads_what_the_long_way_reads(system: str | None, talk: list[Json]) -> None:
    head = [] if system is None else [{"role": "system", "content": system}]
    closed = [{name: value for name, value in message.items() if name not in ("name", "refusal")} for message in talk]
    raw = Raw(json.dumps([*head, *closed]).encode())
    short = shut_turns(raw)
    if short is not None:
        assert short == read_turns(Members({"messages": raw}).objects("messages") or [])


@given(strategies.replies("deepseek", "claude"))
@settings(max_examples=40)
def test_a_client_that_keeps_what_it_got_gives_every_seal_back(reply: Reply) -> None:
    message = json.loads(DIALECT.write_reply(reply, TELLING))["choices"][0]["message"]
    body = {"model": "m", "messages": [{"role": "user", "content": "x"}, message]}
    parts = DIALECT.read_request(json.dumps(body).encode()).turns[1].parts
    for kind in (Thinking, ToolCall):
        assert [part.seal for part in parts if isinstance(part, kind)] == [
            part.seal for part in reply.parts if isinstance(part, kind)
        ]


@given(strategies.requests("tongue", ORIGIN, "else", ""))
@settings(max_examples=40)
def test_a_strict_server_takes_what_any_dialect_asks(request: Request) -> None:
    try:
        body, _ = write(request, effort="reasoning_effort", tool_strict=False)
    except Trouble as found:
        kind = found.problem.kind
    else:
        shape = body.get("response_format", {}).get("json_schema", {})
        shape.pop("strict", None)  # whether a schema is fit for it is the client's affair
        assert refusals(body | {"model": "m"}) == []
        kind = Kind.UNSUPPORTED
    assert kind is Kind.UNSUPPORTED


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


@given(st.dictionaries(st.sampled_from(["model", "messages", "tools", "stop", "tool_choice", "reasoning"]), JSON), JSON)
@settings(max_examples=150)
def test_any_json_is_read_or_refused_as_the_client_s_fault(members: Json, item: Any) -> None:
    for messages in (
        members.get("messages"),
        [{"role": "user", "content": item}],
        [{"role": "assistant", "tool_calls": item}],
    ):
        body = json.dumps({"model": "m", **members, "messages": messages}).encode()
        assert fault_found_in(body) in (None, Kind.INVALID_REQUEST)
