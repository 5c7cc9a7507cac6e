"""docs/accounting.md tells the limits that are in force."""

from __future__ import annotations

from dragoman.ledger.price import DEAR
from dragoman.relay import attempt
from dragoman.settings.server import USUAL
from dragoman.store import bodies, journal, recorder
from tests.docs.pages import rows, section, text

PAGE = text("accounting.md")
MIB = 1024 * 1024
LIMITS = {
    "seconds between two notes of a running answer": attempt.CHECKPOINT_S,
    "tokens after which one is made anyway": attempt.CHECKPOINT_CHARACTERS / 4,
    "seconds an exchange waits for the recorder": recorder.TICK_S,
    "exchanges in one transaction at most": recorder.BATCH,
    "seconds between two attempts at a database that is away, at most": recorder.LONGEST_PAUSE_S,
    "MiB of the journal while the database takes nothing": journal.BACKLOG_BYTES / MIB,
    "MiB kept in memory while the disk takes nothing": journal.SPOOL_BYTES / MIB,
    "MiB of contents that wait at most": bodies.WAITING_BYTES / MIB,
}


def test_the_limits_are_those_in_force() -> None:
    told = {what: float(much) for what, much in rows(section(PAGE, "How an exchange is written down"))}

    assert told == LIMITS


def test_contents_are_kept_as_long_as_it_says() -> None:
    assert bodies.DAYS == USUAL["bodies_days"][0] == 7
    assert "seven days" in PAGE


def test_a_model_that_nobody_knows_costs_what_it_says() -> None:
    amounts = (DEAR.rates.input // 10**9, DEAR.rates.output // 10**9)

    assert f"**${amounts[0]} and ${amounts[1]}** per million" in PAGE
