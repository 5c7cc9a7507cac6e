"""docs/accounting.md tells the limits that are in force."""

from __future__ import annotations

import re

import msgspec

from dragoman.ledger.own import OwnPrice
from dragoman.ledger.period import STEP_MS, STEPS
from dragoman.ledger.price import DEAR
from dragoman.relay import attempt
from dragoman.settings.server import USUAL
from dragoman.store import bodies, journal, recorder
from dragoman.store.ports import Setting
from dragoman.store.ports.ledger import SPENDING_DAYS
from dragoman.store.spending import NAMED
from dragoman.web.admin.settings import faults_of_price
from tests.docs.pages import ROOT, rows, section, text

PAGE = text("accounting.md")
MIB = 1024 * 1024
STORE = ROOT / "src" / "dragoman" / "store"
SAID = re.compile(r"\.(?:warning|error|exception)\(\s*\"([a-z ]+)\"")
"""The events of the log."""
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
    pairs = [row for row in rows(section(PAGE, "How an exchange is written down")) if len(row) == 2]
    told = {what: float(much) for what, much in pairs}

    assert told == LIMITS


def test_contents_are_kept_as_long_as_it_says() -> None:
    assert bodies.DAYS == USUAL["bodies_days"][0] == 7
    assert "seven days" in PAGE


def test_a_model_that_nobody_knows_costs_what_it_says() -> None:
    amounts = (DEAR.rates.input // 10**9, DEAR.rates.output // 10**9)

    assert f"**${amounts[0]} and ${amounts[1]}** per million" in PAGE


def test_everything_that_the_log_says_of_accounts_is_explained() -> None:
    sources = [STORE / "journal.py", STORE / "recorder.py", STORE / "bodies.py", STORE.parent / "web" / "listening.py"]
    said = {event for file in sources for event in re.findall(SAID, file.read_text(encoding="utf-8"))}
    part = section(PAGE, "How an exchange is written down")
    told = set(re.findall(r"^\| `([a-z ]+)` \|", part, re.MULTILINE))

    assert told == said - {"recorder failed", "answer cannot be kept", "exchange cannot be journalled"}


def test_everything_that_a_price_may_say_is_explained() -> None:
    explained = {name for row in rows(section(PAGE, "Your own prices")) for name in re.findall(r"`(\w+)`", row[0])}
    assert explained == set(OwnPrice.__struct_fields__)
    times = section(PAGE, "Your own prices")
    assert [
        name for name in ("hours", "weekdays", "since", "until", "zone", "priority") if f"`{name}`" not in times
    ] == []


def test_the_example_of_a_price_can_be_charged() -> None:
    example = re.search(r"```json\n(.*?)```", section(PAGE, "Your own prices"), re.DOTALL)
    assert example
    assert faults_of_price(msgspec.json.decode(example[1], type=Setting)) == ()


def test_what_budgets_promise_is_so() -> None:
    told = section(PAGE, "Budgets")
    assert f"sums of {STEP_MS // 60_000:d} minutes".replace("5", "five") in told
    assert f"older than {SPENDING_DAYS} days" in told
    assert f"first {NAMED} characters" in told
    assert STEPS == 60
