"""A budget that could not be counted is refused, wherever it is written."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import pytest

from dragoman.ledger import period
from dragoman.settings.load import load
from dragoman.settings.record import Flags, SettingsRefused
from dragoman.shapes.budget import LONGEST_MIN, BudgetTable, faults_of_budgets
from dragoman.shapes.tuning import TuningTable, faults_of_tuning

CHANNEL = '[[channels]]\nname = "a"\nprovider = "openai"\napi_key = "k"\nmodels = ["m"]\n'


def budget(**says: object) -> BudgetTable:
    return msgspec.convert({"window": "day", "tokens": 1} | says, BudgetTable)


@pytest.mark.parametrize(
    "window", ["minute", "hour", "day", "week", "month", "total", "past 10m", "past 5h", "past 31d"]
)
def test_windows_that_can_be_counted(window: str) -> None:
    assert list(faults_of_budgets([budget(window=window)])) == []
    assert period.period(window, 1_795_168_800_000).end_ms > 1_795_168_800_000


@pytest.mark.parametrize("window", ["past 9m", "past 32d", "past 9999d", "past 745h"])
def test_windows_that_are_too_short_or_too_long(window: str) -> None:
    assert "not between 10 minutes and 31 days" in " ".join(faults_of_budgets([budget(window=window)]))
    assert LONGEST_MIN * 60_000 == 31 * period.DAY_MS


@pytest.mark.parametrize(
    "wrong",
    [
        {"window": "year"},
        {"window": "past 5"},
        {"window": "past 0h"},
        {"window": "past 5h "},
        {"window": "PAST 5h"},
        {"tokens": 0},
        {"tokens": -1},
        {"tokens": 1.5},
        {"money": 5},
        {"money": "1e3"},
        {"money": "-1"},
        {"money": "1.0000000001"},
        {"currency": "usd"},
        {"models": [""]},
        {"zone": ""},
        {"limit": 5},
    ],
)
def test_what_is_no_budget(wrong: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        budget(**wrong)


@pytest.mark.parametrize("zone", ["Mars/Olympus", "../../etc/passwd", "/etc/localtime", "Europe/Moscow\0", "x" * 5000])
def test_a_zone_that_there_is_not(zone: str) -> None:
    assert "There is no time zone" in " ".join(faults_of_budgets([budget(zone=zone)]))
    assert [*faults_of_tuning("zone", zone)]


def test_a_budget_that_limits_nothing() -> None:
    assert "limits nothing" in " ".join(faults_of_budgets([BudgetTable(window="day")]))
    told = TuningTable(user_budgets=(BudgetTable(window="day"),)).user_budgets
    assert "limits nothing" in " ".join(faults_of_tuning("user_budgets", told))


def test_the_file_says_budgets_of_channels_and_of_users(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text(
        '[settings]\nzone = "Asia/Tokyo"\nuser_budgets = [{ window = "day", money = "5" }]\n'
        + CHANNEL
        + 'budgets = [{ window = "past 5h", tokens = 1000, models = ["m*"] }]\n'
    )
    found = load(Flags(), {}, tmp_path, tmp_path)
    assert found.snapshot.channels[0].budgets == (BudgetTable(window="past 5h", tokens=1000, models=("m*",)),)
    assert (found.tuning.zone, found.tuning.user_budgets) == ("Asia/Tokyo", (BudgetTable(window="day", money="5"),))


@pytest.mark.parametrize(
    "text",
    [
        CHANNEL + 'budgets = [{ window = "day" }]\n',
        CHANNEL + 'budgets = [{ window = "past 1m", tokens = 1 }]\n',
        CHANNEL + 'budgets = [{ window = "day", tokens = 1, zone = "Mars" }]\n',
        '[settings]\nzone = "Mars"\n' + CHANNEL,
        '[settings]\nuser_budgets = [{ window = "day" }]\n' + CHANNEL,
    ],
)
def test_a_file_with_a_budget_that_cannot_be_counted_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "dragoman.toml").write_text(text)
    with pytest.raises(SettingsRefused):
        load(Flags(), {}, tmp_path, tmp_path)
