"""Laws of the neutral language, for any events, replies and bodies."""

from __future__ import annotations

import json
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

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
from dragoman.canon.order import GRAMMAR, OrderKeeper, SingleFile, State
from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.canon.reply import Reply, fold, unfold
from dragoman.canon.request import Extras, Part, Refusal, Seal, ServerTool, Text, Thinking, ToolCall, Unknown
from dragoman.canon.seal import MARK, unwrap, wrap
from dragoman.canon.splice import check_once, members, spans, splice
from dragoman.canon.usage import COUNTS, NOTHING_SAID, Usage, merge

WORDS = st.text(max_size=8)
RAWS = st.sampled_from([Raw(b"1"), Raw(b'"x"'), Raw(b"[]"), Raw(b'{"a":null}')])
EXTRAS = st.one_of(
    st.none(), st.builds(Extras, st.just("tongue"), st.dictionaries(st.sampled_from("abc"), RAWS, max_size=2))
)
SEALS = st.one_of(st.none(), st.builds(Seal, st.sampled_from(["", "account"]), WORDS))
PARTS: st.SearchStrategy[Part] = st.one_of(
    st.builds(Text, WORDS, seal=SEALS, extras=EXTRAS),
    st.builds(Thinking, WORDS, seal=SEALS, extras=EXTRAS),
    st.builds(Refusal, WORDS, extras=EXTRAS),
    st.builds(ToolCall, WORDS, WORDS, WORDS, st.sampled_from(["json", "text"]), seal=SEALS, extras=EXTRAS),
    st.builds(ServerTool, st.just("tongue"), WORDS, RAWS, seal=SEALS),
    st.builds(Unknown, st.just("tongue"), WORDS, RAWS),
)
COUNTED = st.one_of(st.none(), st.integers(0, 99))
USAGES = st.builds(Usage, COUNTED, COUNTED, COUNTED, COUNTED, COUNTED, COUNTED, st.booleans())
REASONS: list[Reason] = ["end", "tool_calls", "max_output", "unknown"]
FINISHES = st.builds(Finished, st.sampled_from(REASONS), st.one_of(st.none(), WORDS), EXTRAS)
PROBLEMS = st.builds(problem, st.sampled_from(Kind), WORDS)
REPLIES = st.builds(
    lambda id_, model, parts, usage, usage_extras, ending, extras: Reply(
        id=id_,
        model=model,
        parts=tuple(parts),
        usage=usage,
        usage_extras=usage_extras,
        extras=extras,
        **ending,
    ),
    WORDS,
    WORDS,
    st.lists(PARTS, max_size=4),
    USAGES,
    EXTRAS,
    st.one_of(
        st.just({}), st.builds(lambda end: {"finish": end}, FINISHES), st.builds(lambda end: {"problem": end}, PROBLEMS)
    ),
    EXTRAS,
)

HEADS: st.SearchStrategy[Part] = st.one_of(st.just(Text("")), st.just(ToolCall("id", "name", "")))
INDICES = st.integers(0, 2)
ANYTHING: st.SearchStrategy[Event] = st.one_of(
    st.builds(Started, WORDS, WORDS),
    st.builds(PartOpened, INDICES, PARTS),
    st.builds(PartGrew, INDICES, WORDS),
    st.builds(PartNoted, INDICES, st.just(Extras("tongue", {}))),
    st.builds(PartSealed, INDICES),
    st.builds(UsageSeen, USAGES),
    FINISHES,
    st.builds(Failed, PROBLEMS),
    st.just(Beat()),
)


@st.composite
def legal(draw: st.DrawFn) -> list[Event]:
    """A legal stream whose parts interleave, with either ending."""
    events: list[Event] = [Started("id", "m")]
    opened, still_open = 0, list[int]()
    for _ in range(draw(st.integers(0, 20))):
        move = draw(st.sampled_from(["open", "grow", "note", "seal", "beat", "usage"]))
        if move == "open":
            events.append(PartOpened(opened, draw(HEADS)))
            still_open.append(opened)
            opened += 1
        elif move == "beat":
            events.append(Beat())
        elif move == "usage":
            events.append(UsageSeen(draw(USAGES)))
        elif still_open:
            index = draw(st.sampled_from(still_open))
            if move == "grow":
                events.append(PartGrew(index, draw(WORDS)))
            elif move == "note":
                events.append(PartNoted(index, Extras("tongue", {"n": Raw(b"1")})))
            else:
                still_open.remove(index)
                events.append(PartSealed(index))
    if draw(st.booleans()):
        return [*events, Failed(problem(Kind.CUT_SHORT, "Cut."))]
    return [*events, *(PartSealed(index) for index in draw(st.permutations(still_open))), Finished("end")]


def is_legal(events: list[Event]) -> bool:
    """Whether the events obey the grammar, told by a second, slower reading of it."""
    state: State | None = "awaited"
    for event in events:
        state = GRAMMAR[state].get(type(event)) if state else None
    opened: list[int] = [event.index for event in events if isinstance(event, PartOpened)]
    for place, event in enumerate(events):
        before = events[:place]
        if isinstance(event, PartGrew | PartNoted | PartSealed):
            starts = [one for one in before if isinstance(one, PartOpened) and one.index == event.index]
            ends = [one for one in before if isinstance(one, PartSealed) and one.index == event.index]
            if len(starts) != 1 or ends:
                return False
        if isinstance(event, Finished) and len([one for one in before if isinstance(one, PartSealed)]) != len(opened):
            return False
    return state is not None and opened == list(range(len(opened)))


@given(st.lists(st.lists(ANYTHING, max_size=6), max_size=6))
def test_the_keeper_lets_only_legal_streams_out(reads: list[list[Event]]) -> None:
    keeper = OrderKeeper()
    kept = [event for read in reads for event in keeper.keep(read)]
    assert is_legal(kept)
    assert keeper.ended == any(isinstance(event, Finished | Failed) for event in kept)


@given(legal(), st.data())
def test_the_keeper_leaves_legal_streams_alone(events: list[Event], data: st.DataObject) -> None:
    keeper = OrderKeeper()
    cut = data.draw(st.integers(0, len(events)))
    assert keeper.keep(events[:cut]) + keeper.keep(events[cut:]) == events
    assert is_legal(events)


@given(legal(), st.data())
def test_single_file_shows_one_part_at_a_time_and_loses_nothing(events: list[Event], data: st.DataObject) -> None:
    line = SingleFile()
    cut = data.draw(st.integers(0, len(events)))
    shown = line.line_up(events[:cut]) + line.line_up(events[cut:])
    assert is_legal(shown)
    widths = accumulate(isinstance(event, PartOpened) - isinstance(event, PartSealed) for event in shown)
    assert all(width <= 1 for width in widths)
    if isinstance(events[-1], Finished):
        assert fold(shown) == fold(events)
        assert len(shown) == len(events)
    else:
        whole = fold(events).parts
        assert fold(shown).parts == whole[: len(fold(shown).parts)]


@given(REPLIES)
def test_a_reply_folds_to_itself(reply: Reply) -> None:
    events = unfold(reply)
    assert fold(events) == reply
    assert is_legal(events)


@given(legal())
def test_a_stream_and_its_reply_unfolded_fold_alike(events: list[Event]) -> None:
    reply = fold(events)
    assert fold(unfold(reply)) == reply


@given(st.builds(Seal, st.text(st.characters(exclude_categories=["Cs"])), st.text(st.characters(max_codepoint=127))))
def test_a_seal_comes_back_as_it_left(seal: Seal) -> None:
    if seal.origin or not seal.blob.startswith(MARK):
        assert unwrap(wrap(seal)) == seal


@given(st.text())
def test_any_string_can_be_taken_for_a_seal(text: str) -> None:
    seal = unwrap(text)
    assert seal.origin or seal.blob == text


@given(USAGES, USAGES, USAGES)
def test_merging_usage_keeps_the_last_word_on_each_count(one: Usage, two: Usage, three: Usage) -> None:
    assert merge(merge(one, two), three) == merge(one, merge(two, three))
    assert merge(NOTHING_SAID, one) == one
    assert merge(one, NOTHING_SAID) == one
    merged = merge(one, two)
    for name in COUNTS:
        later = getattr(two, name)
        assert getattr(merged, name) == (getattr(one, name) if later is None else later)


JSON = st.recursive(
    st.one_of(
        st.none(), st.booleans(), st.integers(-99, 99), st.floats(allow_nan=False, allow_infinity=False), st.text()
    ),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=4), inner, max_size=3)),
    max_leaves=6,
)
NAMES = st.one_of(st.sampled_from(["a", "b", "model", 'q"', "\\", ""]), st.text(max_size=4))
OBJECTS = st.dictionaries(NAMES, JSON, max_size=5)
GAPS = st.sampled_from(["", " ", "\n\t", " " * 70])


def written(pairs: list[tuple[str, object]], gap: str, *, plain: bool) -> bytes:
    """A JSON object with these members in this order, and white space wherever it may stand."""
    inner = f"{gap},{gap}".join(
        f"{json.dumps(name, ensure_ascii=not plain)}{gap}:{gap}{json.dumps(value, ensure_ascii=not plain)}"
        for name, value in pairs
    )
    return f"{gap}{{{gap}{inner}{gap}}}{gap}".encode("utf-8", "replace")


@given(OBJECTS, st.dictionaries(NAMES, st.one_of(st.none(), JSON.map(lambda value: (value,))), max_size=4), GAPS)
def test_a_splice_is_the_edit_it_says_and_touches_nothing_else(
    before: dict[str, object], wishes: dict[str, tuple[object] | None], gap: str
) -> None:
    body = written(list(before.items()), gap, plain=False)
    check_once(body)
    edits = {name: None if wish is None else json.dumps(wish[0]).encode() for name, wish in wishes.items()}
    after = splice(body, edits)
    expected = {name: value for name, value in before.items() if name not in wishes}
    expected |= {name: wish[0] for name, wish in wishes.items() if wish is not None}
    assert json.loads(after) == expected
    kept, left = members(body), members(after)
    for name, span in spans(body, kept).items():
        assert body[span.value : span.end] == bytes(memoryview(kept[name]))
        if name not in wishes:
            assert body[span.start : span.end] in after
            assert bytes(memoryview(left[name])) == bytes(memoryview(kept[name]))


@given(OBJECTS.filter(bool), JSON, st.data(), GAPS, st.booleans())
def test_a_repeated_member_is_always_found(
    before: dict[str, object], again: object, data: st.DataObject, gap: str, plain: bool
) -> None:
    pairs = list(before.items())
    name = data.draw(st.sampled_from(pairs))[0]
    pairs.insert(data.draw(st.integers(0, len(pairs))), (name, again))
    body = written(pairs, gap, plain=plain)
    with pytest.raises(Trouble, match="stands twice"):
        spans(body, members(body))
    with pytest.raises(Trouble, match="stands twice"):
        check_once(body)
