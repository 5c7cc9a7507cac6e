"""Any requests, replies, streams and slicings of bytes, for the laws that every dialect obeys.

Everything is small and neutral: a dialect's name is an argument, and where a law holds for some parts only, the
caller says which. Text holds every kind of character but lone surrogates, which no reader lets in.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise
from typing import TypeVar

from hypothesis import strategies as st
from hypothesis.strategies import SearchStrategy
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.events import Event, Failed, Finished, PartGrew, Reason
from dragoman.canon.problem import Kind, Problem, problem
from dragoman.canon.reply import Reply, unfold
from dragoman.canon.request import (
    Audio,
    CacheMark,
    Extras,
    File,
    Image,
    Inline,
    Link,
    OutputShape,
    Part,
    ProviderTool,
    Reasoning,
    Refusal,
    Request,
    Sampling,
    Seal,
    ServerTool,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
    Turn,
    Unknown,
)
from dragoman.canon.usage import Usage

T = TypeVar("T")

WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
"""Text of any kind, also empty or blank."""
SAID = st.sampled_from(["да", "hello", "line\nline", 'a "quoted" \\ word', "\u2028 ✓ 🦊", "<b>", "0", "a b"])
"""Text that has something to show."""
NAMES = st.sampled_from(["Bash", "Read", "mcp__server__tool", "get.weather/now", "имя", "n" * 90])
"""Tools' names; some do not fit every wire."""
IDS = st.sampled_from(["call_1", "call_2", "toolu_01", "weird id/№", "x" * 80])
JSON = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(-9, 9), WORDS),
    lambda inner: st.one_of(st.lists(inner, max_size=2), st.dictionaries(WORDS, inner, max_size=2)),
    max_leaves=4,
)
OBJECTS = st.dictionaries(WORDS, JSON, max_size=2)
ARGUMENTS = st.one_of(
    OBJECTS.map(json.dumps), st.sampled_from(["", "{}", "[1]", '{"cut": "he', "null", ' {"a" : 1 }', '{"a": NaN}'])
)
"""Arguments of calls, as a model may give them: objects, nothing, other JSON, broken JSON."""
SCHEMAS = st.sampled_from(
    [
        Raw(b'{"type":"object","properties":{}}'),
        Raw(
            b'{"type":"object","properties":{"path":{"type":"string"}},"required":["path"],"additionalProperties":false}'
        ),
    ]
)
MARKS = st.one_of(st.none(), st.builds(CacheMark, st.sampled_from([None, "5m", "1h"])))
COUNTED = st.one_of(st.none(), st.integers(0, 999))
REASONS: tuple[Reason, ...] = (
    "end",
    "tool_calls",
    "max_output",
    "stop_sequence",
    "refusal",
    "pause",
    "context_full",
    "unknown",
)


def maybe(strategy: SearchStrategy[T]) -> SearchStrategy[T | None]:
    """The same, or nothing."""
    return st.one_of(st.none(), strategy)


def extras(dialect: str, *names: str) -> SearchStrategy[Extras | None]:
    """Extras of a dialect under some of these names; strings only, so that they fit anywhere."""
    values = WORDS.map(lambda text: Raw(json.dumps(text).encode()))
    chosen = st.dictionaries(st.sampled_from(names), values, min_size=1, max_size=2)
    return maybe(chosen.map(lambda members: Extras(dialect, members)))


def seals(*origins: str) -> SearchStrategy[Seal | None]:
    """A seal of one of these origins, or none."""
    blobs = st.sampled_from(["c2ln", "EqQBCkYIBxgC", "s.i-g_1=="])
    return maybe(st.builds(Seal, st.sampled_from(origins), blobs))


def sources(dialect: str) -> SearchStrategy[Inline | Link | Stored]:
    """Where media can be."""
    return st.one_of(
        st.builds(Inline, st.sampled_from(["image/png", "image/jpeg"]), st.just("iVBORw0KGgo=")),
        st.builds(Link, st.just("https://example.com/a.png")),
        st.builds(Stored, st.just(dialect), st.just("file_1")),
    )


def files(dialect: str) -> SearchStrategy[File]:
    """Documents of every kind."""
    return st.one_of(
        st.builds(File, text=SAID, name=maybe(SAID), context=maybe(SAID), cache_mark=MARKS),
        st.builds(File, st.just(Inline("application/pdf", "JVBERi0=")), name=maybe(SAID), cache_mark=MARKS),
        st.builds(File, st.just(Link("https://example.com/a.pdf")), cache_mark=MARKS),
        st.builds(File, st.just(Stored(dialect, "file_2")), cache_mark=MARKS),
    )


def user_parts(dialect: str) -> SearchStrategy[Part]:
    """What a user says, but for tool results."""
    return st.one_of(
        st.builds(Text, WORDS, MARKS),
        st.builds(Image, sources(dialect), cache_mark=MARKS),
        files(dialect),
        st.builds(Audio, st.just(Inline("audio/wav", "UklGRg=="))),
        st.builds(Unknown, st.just(dialect), st.just("novel"), st.just(Raw(b'{"type":"novel","x":1}')), maybe(SAID)),
    )


def assistant_parts(dialect: str, *origins: str) -> SearchStrategy[Part]:
    """What an assistant said, but for tool calls."""
    return st.one_of(
        st.builds(Text, WORDS, MARKS, seals(*origins)),
        st.builds(Thinking, WORDS, seal=seals(*origins)),
        st.builds(Thinking, st.just(""), st.just(True), seal=seals(*origins).filter(bool)),
        st.builds(Refusal, SAID),
        st.builds(
            ServerTool,
            st.just(dialect),
            st.just("server_tool_use"),
            st.just(Raw(b'{"type":"server_tool_use","id":"srvtoolu_1","name":"web_search","input":{"query":"x"}}')),
            maybe(SAID),
        ),
    )


CALLS = st.builds(ToolCall, IDS, NAMES, ARGUMENTS)


@st.composite
def conversations(draw: st.DrawFn, dialect: str, *origins: str) -> tuple[Turn, ...]:
    """Turns as clients send them: calls are followed by their results, sometimes out of order or left out."""
    turns: list[Turn] = []
    for _ in range(draw(st.integers(0, 3))):
        turns.append(Turn("user", tuple(draw(st.lists(user_parts(dialect), max_size=3)))))
        if draw(st.integers(0, 3)) == 0:
            turns.append(Turn("system", (Text(draw(SAID)),), as_string=draw(st.booleans())))
        calls = draw(st.lists(CALLS, max_size=2, unique_by=lambda call: call.id))
        said = draw(st.lists(assistant_parts(dialect, *origins), max_size=2))
        turns.append(Turn("assistant", (*said, *calls)))
        results: list[Part] = [draw(results_of(call, dialect)) for call in calls]
        results += draw(st.lists(user_parts(dialect), max_size=1))
        if results:
            turns.append(Turn("user", tuple(draw(st.permutations(results)))))
    return tuple(turns)


def results_of(call: ToolCall, dialect: str) -> SearchStrategy[ToolResult]:
    """What a tool gave back for a call."""
    parts = st.one_of(st.builds(Text, SAID), st.builds(Image, sources(dialect)))
    return st.builds(
        ToolResult,
        st.just(call.id),
        st.lists(parts, max_size=2).map(tuple),
        maybe(st.booleans()),
        cache_mark=MARKS,
    )


def tools(dialect: str) -> SearchStrategy[tuple[Tool | ProviderTool, ...]]:
    """A client's tools, and sometimes one that the vendor runs."""
    own = st.builds(
        Tool,
        NAMES,
        maybe(SAID),
        maybe(SCHEMAS),
        st.sampled_from(["json", "json", "text"]),
        maybe(st.booleans()),
        st.booleans(),
        MARKS,
    )
    run = st.builds(
        ProviderTool,
        st.just(dialect),
        st.just("web_search_20250305"),
        st.just("web_search"),
        st.just(Raw(b'{"type":"web_search_20250305","name":"web_search","max_uses":8}')),
    )
    return st.lists(st.one_of(own, own, own, run), max_size=3, unique_by=lambda tool: tool.name).map(tuple)


@st.composite
def requests(draw: st.DrawFn, dialect: str, *origins: str) -> Request:
    """Any request of a dialect, with seals of these origins."""
    offered = draw(tools(dialect))
    names = [tool.name for tool in offered]
    choice = st.one_of(
        st.builds(ToolChoice, st.sampled_from(["auto", "any", "none"])),
        *([st.builds(ToolChoice, st.just("one"), st.sampled_from(names))] if names else []),
    )
    return Request(
        dialect=dialect,
        model=draw(st.sampled_from(["big", "claude-opus-5-5", "имя[1m]"])),
        turns=draw(conversations(dialect, *origins)),
        system=tuple(draw(st.lists(st.builds(Text, SAID, MARKS), max_size=2))),
        tools=offered,
        tool_choice=draw(maybe(choice)),
        parallel_tools=draw(st.sampled_from([None, True, False])),
        max_output=draw(st.sampled_from([None, 1, 1024, 32_000])),
        sampling=draw(samplings()),
        reasoning=draw(reasonings()),
        output_shape=draw(maybe(output_shapes())),
        stop=tuple(draw(st.lists(st.sampled_from(["END", "\n", "###"]), max_size=6))),
        stream=draw(st.booleans()),
        user=draw(st.sampled_from([None, "user-1", "u" * 300])),
        service_tier=draw(st.sampled_from([None, "auto", "default", "flex"])),
        extras=draw(extras(dialect, "novel_member", "context_management")),
    )


def samplings() -> SearchStrategy[Sampling]:
    """Knobs of the sampler."""
    shares = maybe(st.sampled_from([0.0, 0.5, 1.0]))
    return st.builds(
        Sampling,
        maybe(st.sampled_from([0.0, 1.0, 1.7])),
        shares,
        maybe(st.integers(1, 99)),
        maybe(st.integers(0, 9)),
        shares,
        shares,
    )


def reasonings() -> SearchStrategy[Reasoning]:
    """Wishes for thinking."""
    efforts = maybe(st.sampled_from(["none", "minimal", "low", "medium", "high", "xhigh", "max", "newer"]))
    return st.one_of(
        st.builds(Reasoning, effort=efforts),
        st.builds(Reasoning, st.just("off")),
        st.builds(Reasoning, st.just("on"), maybe(st.sampled_from([1, 1024, 10_000])), efforts),
        st.builds(Reasoning, st.just("adaptive"), effort=efforts, display=maybe(st.just("summarized"))),
    )


def output_shapes() -> SearchStrategy[OutputShape]:
    """Forms of the answer's text."""
    return st.one_of(
        st.builds(OutputShape, st.just("json_object")),
        st.builds(OutputShape, st.just("json_schema"), SCHEMAS, maybe(SAID), strict=maybe(st.booleans())),
    )


USAGES = st.builds(Usage, COUNTED, COUNTED, COUNTED, COUNTED, COUNTED, COUNTED)
PROBLEMS: SearchStrategy[Problem] = st.builds(problem, st.sampled_from(Kind), SAID)


def answered_parts(*origins: str) -> SearchStrategy[Part]:
    """Parts that a model of any vendor may answer with."""
    return st.one_of(
        st.builds(Text, WORDS, seal=seals(*origins)),
        st.builds(Thinking, WORDS, seal=seals(*origins).filter(bool)),
        st.builds(Thinking, st.just(""), st.just(True), seal=seals(*origins).filter(bool)),
        st.builds(ToolCall, IDS, NAMES, ARGUMENTS, seal=seals(*origins)),
    )


@st.composite
def replies(draw: st.DrawFn, *origins: str, reasons: Sequence[Reason] = REASONS) -> Reply:
    """Any reply that ended well, with seals of these origins."""
    parts = draw(st.lists(answered_parts(*origins), max_size=4, unique_by=lambda part: getattr(part, "id", id(part))))
    return Reply(
        id=draw(st.sampled_from(["", "msg_1"])),
        model=draw(st.sampled_from(["", "big"])),
        parts=tuple(parts),
        usage=draw(USAGES),
        finish=Finished(draw(st.sampled_from(reasons))),
    )


@st.composite
def streams(draw: st.DrawFn, *origins: str, reasons: Sequence[Reason] = REASONS) -> list[Event]:
    """A legal stream with one part open at a time, its text in pieces; it may fail anywhere after it began."""
    reply = draw(replies(*origins, reasons=reasons))
    events: list[Event] = []
    for event in unfold(reply):
        if isinstance(event, PartGrew):
            events.extend(PartGrew(event.index, piece) for piece in draw(pieces(event.text)))
        else:
            events.append(event)
    if draw(st.integers(0, 4)) == 0:
        return [*events[: draw(st.integers(1, len(events) - 1))], Failed(draw(PROBLEMS))]
    return events


@st.composite
def pieces(draw: st.DrawFn, text: str) -> list[str]:
    """The text in pieces, none of them empty."""
    cuts = draw(st.lists(st.integers(0, len(text)), max_size=3))
    return [text[start:end] for start, end in pairwise([0, *sorted(cuts), len(text)]) if start < end]


@st.composite
def slices(draw: st.DrawFn, data: bytes) -> list[bytes]:
    """The bytes cut at random places; empty slices among them."""
    cuts = draw(st.lists(st.integers(0, len(data)), max_size=12))
    return [data[start:end] for start, end in pairwise([0, *sorted(cuts), len(data)])]


def bytewise(data: bytes) -> list[bytes]:
    """The bytes one by one."""
    return [data[place : place + 1] for place in range(len(data))]


def joined(events: Sequence[Event]) -> list[Event]:
    """The same events with the growths of a part that follow one another as one, since only their sum is a promise."""
    together: list[Event] = []
    for event in events:
        last = together[-1] if together else None
        if isinstance(event, PartGrew) and isinstance(last, PartGrew) and last.index == event.index:
            together[-1] = replace(last, text=last.text + event.text)
        else:
            together.append(event)
    return together
