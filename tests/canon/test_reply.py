"""What a stream amounts to, and how a reply becomes a stream again."""

from __future__ import annotations

import pytest
from msgspec import Raw

from dragoman.canon.events import (
    Event,
    Failed,
    Finished,
    PartGrew,
    PartNoted,
    PartOpened,
    PartSealed,
    Started,
    UsageSeen,
)
from dragoman.canon.problem import Kind, problem
from dragoman.canon.reply import Fold, Reply, fold, unfold
from dragoman.canon.request import Extras, Part, Refusal, Seal, ServerTool, Text, Thinking, ToolCall
from dragoman.canon.usage import Usage

CUT = problem(Kind.CUT_SHORT, "Cut.")
SEAL = Seal("account", "blob")


def noted(head: Part, *notes: bytes) -> Part:
    """A part after notes on its member `notes`."""
    events: list[Event] = [Started("", ""), PartOpened(0, head)]
    events += [PartNoted(0, Extras("tongue", {"notes": Raw(note)})) for note in notes]
    return fold(events).parts[0]


def test_growth_of_any_interleaving_lands_in_its_part() -> None:
    reply = fold(
        [
            Started("id", "m"),
            PartOpened(0, ToolCall("a", "Read", "")),
            PartOpened(1, ToolCall("b", "Write", "")),
            PartGrew(1, '{"y"'),
            PartGrew(0, '{"x"'),
            PartGrew(1, ":2}"),
            PartGrew(0, ":1}"),
            PartSealed(1),
            PartSealed(0, SEAL),
            Finished("tool_calls"),
        ]
    )
    assert reply.parts == (ToolCall("a", "Read", '{"x":1}', seal=SEAL), ToolCall("b", "Write", '{"y":2}'))
    assert reply.finish == Finished("tool_calls")


@pytest.mark.parametrize("head", [Text("a"), Thinking("a"), Refusal("a")])
def test_text_grows_from_what_the_head_holds(head: Text | Thinking | Refusal) -> None:
    part = fold([Started("", ""), PartOpened(0, head), PartGrew(0, "b")]).parts[0]
    assert isinstance(part, type(head))
    assert part.text == "ab"


def test_a_part_that_cannot_grow_stays_as_it_opened() -> None:
    head = ServerTool("tongue", "search", Raw(b"{}"))
    assert fold([Started("", ""), PartOpened(0, head), PartGrew(0, "x")]).parts == (head,)


def test_a_broken_stream_folds_to_what_came_and_why_it_ended() -> None:
    reply = fold([Started("id", "m"), PartOpened(0, Text("")), PartGrew(0, "half"), Failed(CUT)])
    assert reply == Reply(id="id", model="m", parts=(Text("half"),), problem=CUT)


def test_a_fold_counts_generated_characters() -> None:
    gathered = Fold()
    gathered.take([Started("", ""), PartOpened(0, Text("")), PartGrew(0, "four"), PartGrew(0, "five!")])
    assert gathered.text_length == 9


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, b'[{"a":1},2]'),
        (b"null", b'[{"a":1},2]'),
        (b"[]", b'[{"a":1},2]'),
        (b"[0]", b'[0,{"a":1},2]'),
        (b'{"odd":true}', b'[{"odd":true},{"a":1},2]'),
    ],
)
def test_notes_gather_into_a_list_whatever_the_head_held(before: bytes | None, after: bytes) -> None:
    head = Text("x", extras=Extras("tongue", {"notes": Raw(before)}) if before else None)
    part = noted(head, b'{"a":1}', b"2")
    assert part.extras is not None
    assert bytes(memoryview(part.extras.members["notes"])) == after


def test_usage_of_a_stream_is_its_last_word() -> None:
    extra = Extras("tongue", {"tier": Raw(b'"fast"')})
    reply = fold(
        [
            Started("", ""),
            UsageSeen(Usage(input=10, output=1), extra),
            UsageSeen(Usage(output=7)),
            Finished("end"),
        ]
    )
    assert (reply.usage, reply.usage_extras) == (Usage(input=10, output=7), extra)


def test_a_reply_unfolds_to_one_growth_a_part() -> None:
    server = ServerTool("tongue", "search", Raw(b"{}"), seal=SEAL)
    reply = Reply(id="id", model="m", parts=(Text(""), ToolCall("a", "Read", "{}"), server), finish=Finished("end"))
    assert unfold(reply) == [
        Started("id", "m"),
        PartOpened(0, Text("")),
        PartSealed(0),
        PartOpened(1, ToolCall("a", "Read", "")),
        PartGrew(1, "{}"),
        PartSealed(1),
        PartOpened(2, ServerTool("tongue", "search", Raw(b"{}"))),
        PartSealed(2, SEAL),
        Finished("end"),
    ]


def test_a_reply_that_has_not_ended_unfolds_without_an_ending() -> None:
    assert unfold(Reply(id="id")) == [Started("id", "")]
