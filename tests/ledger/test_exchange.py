"""The line of a log tells what happened and nothing that was said."""

from __future__ import annotations

import msgspec

from dragoman.canon.problem import Kind
from dragoman.canon.request import Loss
from dragoman.canon.usage import Usage
from dragoman.ledger.exchange import AttemptRecord, Exchange, line

FIRST = AttemptRecord(
    n=1,
    channel="near",
    model="chat",
    mode="verbatim",
    status=429,
    problem=Kind.RATE_LIMITED,
    started_ms=1010,
    losses=(Loss("images", "It takes none."),),
)
SECOND = AttemptRecord(
    n=2,
    channel="far",
    model="chat-2",
    mode="translated",
    status=200,
    started_ms=1020,
    losses=(Loss("top_k", "It is not known there."),),
    edits=("model",),
)
WHOLE = Exchange(
    id="x1",
    started_ms=1000,
    door="tongue",
    asked="sonnet",
    stream=True,
    session="s",
    key_name="laptop",
    attempts=(FIRST, SECOND),
    usage=Usage(input=0, output=12, exact=False),
    finish="end",
    status=200,
    first_content_ms=1000,
    ended_ms=2500,
)


def test_a_line_tells_the_exchange() -> None:
    assert line(WHOLE) == {
        "exchange": "x1",
        "door": "tongue",
        "asked": "sonnet",
        "session": "s",
        "agent": "main",
        "key": "laptop",
        "stream": True,
        "status": 200,
        "finish": "end",
        "attempts": ["near/chat verbatim 429 rate_limited", "far/chat-2 translated 200 ok"],
        "losses": ["top_k"],
        "edits": ["model"],
        "usage": {"input": 0, "output": 12, "exact": False},
        "first_content_ms": 0,
        "duration_ms": 1500,
    }


def test_a_line_leaves_out_what_says_nothing() -> None:
    refused = Exchange(
        id="x2", started_ms=1, door="tongue", asked="x", stream=False, session="s", problem=Kind.MODEL_NOT_FOUND
    )
    assert line(refused) == {
        "exchange": "x2",
        "door": "tongue",
        "asked": "x",
        "session": "s",
        "agent": "main",
        "problem": "model_not_found",
    }


def test_a_count_of_one_is_a_count_and_not_a_yes() -> None:
    told = msgspec.structs.replace(WHOLE, usage=Usage(input=1, output=1))
    assert line(told)["usage"] == {"input": 1, "output": 1}
