"""The judge of the soak notices what it is there to notice."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.soak.crowd import Tally, Told, Wish, judge
from tests.soak.soak import grown
from tests.soak.spied import State
from tests.soak.vendors import Book, Stage, Truth
from tests.standin import Reply, Text

HEADERS = {
    "request-id": "dgm_1",
    "x-dragoman-mode": "translated",
    "x-dragoman-attempts": "2",
    "x-dragoman-channel": "well-a",
}
WISH = Wish(number=7, door="openai_chat", stream=True, asked="pair-aa-0", mended=True, leaves_after=None)
FIRST, SECOND = "a000001 one two", "e000001 three four"
DONE = "[DONE]"


def chunk(text: str = "", stop: str | None = None) -> dict[str, Any]:
    return {"model": "m", "choices": [{"delta": {"content": text}, "finish_reason": stop}]}


def stream(*said: object) -> bytes:
    """The events of an answer."""
    words = [each if isinstance(each, str) else json.dumps(each) for each in said]
    return b"".join(b"data: " + word.encode() + b"\n\n" for word in words)


def judged(body: bytes, *, status: int = 200, proper: bool = True, stage: Stage = "before") -> Tally:
    """What is counted of this answer, where the first vendor failed and the second one answered."""
    book, tally = Book(), Tally()
    book.note(7, Truth("ill-a", "F17", stage, Reply((Text(FIRST),))))
    book.note(7, Truth("well-a", "reply", "", Reply((Text(SECOND),))))
    judge(WISH, Told(status, HEADERS, body, proper, left=False), book, tally)
    return tally


ERROR = {"error": {"type": "server_error", "message": "The provider was answering but broke off."}}
WRONG = {
    "an ending made up": stream(chunk("e000001 three"), chunk(stop="stop"), DONE),
    "two answers in one": stream(chunk("a000001 one"), chunk(SECOND), chunk(stop="stop"), DONE),
    "what nobody said": stream(chunk("five"), ERROR),
    "a broken answer ended well": stream(chunk(FIRST), chunk(stop="stop"), DONE),
    "another stop reason": stream(chunk(SECOND), chunk(stop="length"), DONE),
    "no ending": stream(chunk(SECOND)),
    "an error behind an ending": stream(chunk(SECOND), chunk(stop="stop"), ERROR),
    "two endings": stream(chunk(SECOND), chunk(stop="stop"), DONE, DONE),
    "no words": b"",
    "not mended": stream(ERROR),
    "broken by nobody": stream(chunk("e000001 three"), ERROR),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_answer_is_noticed(what: str) -> None:
    assert judged(WRONG[what]).wrongs


def test_a_wrong_refusal_is_noticed() -> None:
    assert judged(b"{}", status=502).wrongs
    assert judged(json.dumps(ERROR).encode(), status=502).wrongs


def test_a_right_answer_is_not() -> None:
    whole = judged(stream(chunk("e000001 "), chunk("three four"), chunk(stop="stop"), DONE))
    broken = judged(stream(chunk("a000001 o"), ERROR), stage="after")

    assert (whole.wrongs, whole.needed, whole.mended) == ([], 1, 1)
    assert (broken.wrongs, broken.needed) == ([], 0)
    assert broken.outcomes == {"error in the answer": 1}


def test_an_answer_that_http_cut_is_noticed() -> None:
    assert judged(stream(chunk(SECOND), chunk(stop="stop"), DONE), proper=False).wrongs


def test_what_grows_is_noticed() -> None:
    before = State(files=14, threads=6, memory_mib=50, tasks=1, blocks=1000, objects={"dict": 10})
    after = State(files=15, threads=9, memory_mib=90, tasks=2, blocks=1_000_000, objects={"dict": 10_000})

    assert grown(before, before) == []
    assert [found.partition(":")[0] for found in grown(before, after)] == [
        "files", "tasks", "threads", "memory", "blocks of memory",
    ]  # fmt: skip
