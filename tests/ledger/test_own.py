"""Prices of one's own: fees, factors, slices, times and sounds come to what they say, and nonsense is refused."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.canon.problem import Kind
from dragoman.canon.usage import Usage
from dragoman.ledger.book import PriceBook
from dragoman.ledger.exchange import AttemptRecord
from dragoman.ledger.own import OwnPrice, OwnRow
from dragoman.ledger.price import DEAR, Cost, cost

NANO = 10**9
USAGE = Usage(input=1_000_000, output=1_000_000)


def row(version: str = "p1@1", **says: object) -> OwnRow:
    return OwnRow(version, msgspec.convert({"model": "m"} | says, OwnPrice, strict=True))


def bill(usage: Usage, *rows: OwnRow, at: str = "2026-11-20T12:00+00:00") -> Cost:
    """What it costs, which it does."""
    moment_ms = int(datetime.fromisoformat(at).timestamp() * 1000)
    price, _ = PriceBook(rows, lists={}).find("c", "p", "m", moment_ms)
    found = cost(usage, price, answered=True)
    assert found is not None
    return found


def units(usage: Usage, *rows: OwnRow, at: str = "2026-11-20T12:00+00:00") -> float:
    return bill(usage, *rows, at=at).nano / NANO


def test_a_fee_is_charged_for_each_request_beside_its_tokens() -> None:
    fee = row(input="1", output="2", request="0.01")
    assert [(line.item, line.tokens, line.nano) for line in bill(USAGE, fee).lines] == [
        ("input", 1_000_000, NANO),
        ("output", 1_000_000, 2 * NANO),
        ("request", 1, NANO // 100),
    ]
    assert units(Usage(), row(request="0.04")) == 0.04, "tokens cost nothing where only a fee is said"


def test_a_request_that_failed_before_its_first_token_has_no_fee() -> None:
    book = PriceBook([row(request="0.04")], lists={})
    made = AttemptRecord(n=1, channel="c", model="m", mode="verbatim", started_ms=0, status=200)
    failed = Kind.OVERLOADED
    assert book.billed(made).cost is not None
    assert book.billed(replace(made, problem=failed)).cost is None


def test_slices_charge_each_kind_by_its_own_bounds() -> None:
    tiers = [{"over": 200, "input": "3", "output": "30"}, {"over": 100, "input": "2", "output": "20"}]
    sliced = row(input="1", output="10", tiers=tiers, tiering="slices")
    made = bill(Usage(input=250, cache_read=150, output=50), sliced)
    assert [(line.item, line.tokens, line.nano_per_million // NANO) for line in made.lines] == [
        ("input", 100, 1),
        ("input", 100, 2),
        ("input", 50, 3),
        ("cache_read", 100, 1),
        ("cache_read", 50, 2),
        ("output", 50, 10),
    ]
    whole = row(input="1", output="10", tiers=tiers)
    made = bill(Usage(input=250, cache_read=150, output=50), whole)
    assert {line.nano_per_million // NANO for line in made.lines} == {3, 30}, "the size of the prompt prices all"


@settings(max_examples=80)
@given(tokens=st.integers(1, 500), bounds=st.lists(st.integers(0, 400), max_size=4, unique=True))
def test_slices_lose_no_token(tokens: int, bounds: list[int]) -> None:
    tiers = [{"over": bound, "input": str(2 + n), "output": "0"} for n, bound in enumerate(sorted(bounds))]
    made = bill(Usage(input=tokens), row(input="1", output="0", tiers=tiers, tiering="slices"))
    assert sum(line.tokens for line in made.lines) == tokens
    assert all(line.tokens > 0 for line in made.lines)


def test_sounds_and_pictures_are_charged_apart_once() -> None:
    heard = Usage(input=100, input_audio=40, input_image=10, output=50, output_audio=50)
    made = bill(heard, row(input="1", output="2", input_audio="10", output_audio="20"))
    assert [(line.item, line.tokens, line.nano_per_million // NANO) for line in made.lines] == [
        ("input", 50, 1),
        ("input_audio", 40, 10),
        ("input_image", 10, 1),
        ("output_audio", 50, 20),
    ]
    wrong = bill(Usage(input=10, input_audio=40), row(input="1", output="2", input_audio="10"))
    assert sum(line.tokens for line in wrong.lines) == 10, "more sounds than tokens are not believed"


@pytest.mark.parametrize(
    ("at", "price"),
    [
        ("2026-11-20T19:29+00:00", 10),
        ("2026-11-20T19:30+00:00", 5),
        ("2026-11-21T02:59+00:00", 5),
        ("2026-11-21T03:00+00:00", 10),
        ("2026-11-21T20:00+00:00", 1),
        ("2026-11-22T02:00+00:00", 1),
        ("2026-11-22T04:00+00:00", 10),
        ("2026-12-24T12:00+00:00", 7),
    ],
)
def test_times_change_prices_and_a_night_belongs_to_its_evening(at: str, price: int) -> None:
    night = {"hours": "22:30-06:00", "zone": "Europe/Moscow"}
    times = [
        {**night, "factor": "0.5"},
        {**night, "weekdays": ["sat"], "input": "1", "output": "0", "priority": 1},
        {"since": "2026-12-24", "until": "2026-12-26", "input": "7", "output": "0", "priority": 2},
    ]
    assert units(Usage(input=1_000_000), row(input="10", output="0", times=times), at=at) == price


def test_a_fee_may_change_by_itself() -> None:
    times = [{"hours": "00:00-24:00", "request": "2"}]
    assert units(Usage(input=1_000_000), row(input="10", output="0", request="1", times=times)) == 12


def test_a_factor_changes_what_would_be_charged_without_it() -> None:
    half, price = row("half", channel="c", model="*", factor="0.5"), row("own", input="10", output="0", request="2")
    made = bill(Usage(input=1_000_000), half, price)
    assert (made.nano, made.price) == (6 * NANO, "own*half")
    assert units(USAGE, half) == (DEAR.rates.input + DEAR.rates.output) / NANO / 2
    narrower = row("narrow", channel="c", model="m*", input="10", output="0")
    assert bill(Usage(input=1_000_000), half, narrower).price == "narrow"
    again = row("again", factor="3", model="*")
    assert bill(Usage(input=1_000_000), half, again, price).nano == 6 * NANO, "the narrower factor counts, once"


def test_rows_of_before_mean_what_they_meant() -> None:
    said: dict[str, Any] = {
        "input": 1,
        "output": 2,
        "tiers": [{"over": 200_000, "input": 2, "output": 3}],
        "since": "2026-01-01",
    }
    assert units(Usage(input=300_000), row(**said)) == 0.6
    assert row(input="1", output="2").says.price("v", datetime.now(UTC)).request == 0


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({}, "no price for input"),
        ({"input": "1"}, "no price for input, or none for output"),
        ({"input": "1", "output": "Infinity"}, "output: Infinity"),
        ({"input": "1", "output": "1", "request": "-1"}, "request: -1"),
        ({"factor": "0.5", "input": "1", "output": "1"}, "Both a factor and prices"),
        ({"factor": "NaN"}, "factor: NaN"),
        ({"factor": "2", "request": "1"}, "A row with a factor"),
        ({"input": "1", "output": "1", "tiers": [{"over": -1, "input": "1", "output": "1"}]}, ">= 0"),
        ({"input": "1", "output": "1", "tiers": [{"over": 1, "input": "1"}]}, "A tier has no price"),
        ({"input": "1", "output": "1", "tiers": [{"over": 1, "input": "1", "output": "1"}] * 2}, "same bound"),
        ({"input": "1", "output": "1", "tiering": "each"}, "Invalid enum value"),
        ({"input": "1", "output": "1", "times": [{"factor": "2"}]}, "neither hours nor weekdays"),
        ({"input": "1", "output": "1", "times": [{"hours": "25:00-26:00", "factor": "2"}]}, "regex"),
        ({"input": "1", "output": "1", "times": [{"hours": "08:00-09:00"}]}, "A time has no price"),
        ({"input": "1", "output": "1", "times": [{"weekdays": ["so"], "factor": "2"}]}, "Invalid enum value"),
        ({"input": "1", "output": "1", "times": [{"weekdays": ["mon"], "zone": "Mars", "factor": "2"}]}, "time zone"),
        (
            {"input": "1", "output": "1", "times": [{"since": "2026-02-01", "until": "2026-01-01", "factor": "2"}]},
            "before it begins",
        ),
    ],
)
def test_a_row_that_could_not_be_charged_is_refused(wrong: dict[str, Any], words: str) -> None:
    with pytest.raises(msgspec.ValidationError, match=words):
        row(**wrong)
