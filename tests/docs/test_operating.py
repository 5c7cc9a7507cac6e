"""docs/operating.md tells every member of a log line, and the limits that are in force."""

from __future__ import annotations

import re

import pytest

from dragoman import logs
from dragoman.canon.problem import Kind
from dragoman.canon.request import Loss
from dragoman.canon.usage import COUNTS, Usage
from dragoman.ledger.exchange import AttemptRecord, Exchange, line
from dragoman.relay import delivery
from dragoman.routing.snapshot import Timeouts
from dragoman.shapes.policy import USUAL_RETRY
from dragoman.web import edge, listening
from tests.docs.pages import rows, section, text

PAGE = text("operating.md")
USUAL = Timeouts()
LIMITS = {
    "connecting to an upstream: name, TCP and TLS": USUAL.connect_s,
    "from sending to the first content": USUAL.first_content_s,
    "between two pieces of an answer that has begun": USUAL.idle_s,
    "silence after which a streaming client is pinged": delivery.QUIET_S,
    "any exchange": delivery.LONGEST_S,
    "a client that takes none of our bytes": delivery.STALLED_S,
    "a request's head": edge.HEAD_S,
    "a request's body, and a second more for each KiB": edge.BODY_S,
    "a client's idle connection": listening.KEEP_ALIVE_S,
    "an attempt may start after the request came": float(USUAL_RETRY.within_s),
    "running answers after SIGTERM": listening.DRAIN_S,
}

ATTEMPT = AttemptRecord(
    n=1,
    channel="c",
    model="m",
    mode="verbatim",
    status=200,
    problem=Kind.CUT_SHORT,
    started_ms=0,
    losses=(Loss("top_k", "why"),),
    edits=("model",),
)
EVERYTHING = Exchange(
    id="dgm_1",
    started_ms=0,
    door="d",
    asked="a",
    stream=True,
    session="s",
    key_name="k",
    attempts=(ATTEMPT,),
    usage=Usage(input=1, exact=False),
    finish="end",
    problem=Kind.CUT_SHORT,
    status=200,
    first_content_ms=1,
    ended_ms=2,
    client_left=True,
)


def test_every_member_of_a_log_line_is_explained_and_no_other() -> None:
    table = rows(section(PAGE, "The log"))
    told = [name for row in table for name in re.findall(r"`(\w+)`", row[0])]

    assert sorted(told) == sorted(["event", "level", "timestamp", *line(EVERYTHING)])


def test_every_count_of_tokens_is_explained() -> None:
    assert [name for name in COUNTS if f"`{name}`" not in section(PAGE, "The log")] == []


@pytest.mark.parametrize("what", LIMITS)
def test_a_limit_is_as_told(what: str) -> None:
    told = {row[0]: row[1] for row in rows(section(PAGE, "Time limits"))}
    assert told[what] == f"{LIMITS[what]:g} s"


def test_no_limit_is_told_that_is_not_checked() -> None:
    assert [row[0] for row in rows(section(PAGE, "Time limits"))] == list(LIMITS)


def test_the_log_drops_lines_where_it_is_told() -> None:
    assert f"{logs.SPOOL_LINES:,} wait" in PAGE
