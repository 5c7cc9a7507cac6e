"""Budgets as they are written in the file, the database and the admin API, and what may be wrong with them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Annotated

from msgspec import Meta, Struct

from dragoman.canon.zones import fault_of_zone
from dragoman.shapes.fields import Count, Word

Window = Annotated[str, Meta(pattern=r"^(minute|hour|day|week|month|total|past [1-9]\d{0,3}[mhd])$(?!\n)")]
"""A calendar period, a week beginning on Monday; `total`; or a time just gone, as `past 30m`, `past 5h`, `past 7d`."""
MINUTES = {"m": 1, "h": 60, "d": 24 * 60}
SHORTEST_MIN = 10
LONGEST_MIN = 31 * MINUTES["d"]
"""Bounds of a time just gone: shorter ones are the business of limits, longer ones are not kept in steps."""


class BudgetTable(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One of `budgets` of an API key, a project or a channel; a request must fit into all of them"""

    window: Window
    zone: Word | None = None
    """The time zone in which days, weeks and months begin; None: the gateway's."""
    models: tuple[Word, ...] = ()
    """Only requests for these count, `*` standing for any characters; none: all."""
    requests: Count | None = None
    tokens: Count | None = None
    money: Annotated[str, Meta(pattern=r"^\d{1,9}(\.\d{1,9})?$(?!\n)")] | None = None
    """A decimal in `currency`, never a float: sums of floats drift."""
    currency: Annotated[str, Meta(pattern=r"^[A-Z]{3}$(?!\n)")] = "USD"


def faults_of_budgets(budgets: Iterable[BudgetTable]) -> Iterator[str]:
    """What keeps budgets from being counted, in words."""
    for budget in budgets:
        if budget.window.startswith("past ") and not SHORTEST_MIN <= _minutes(budget.window) <= LONGEST_MIN:
            yield f"The window '{budget.window}' is not between 10 minutes and 31 days."
        if budget.requests is None and budget.tokens is None and budget.money is None:
            yield f"The budget per {budget.window} limits nothing: give it requests, tokens or money."
        if budget.zone is not None and (wrong := fault_of_zone(budget.zone)):
            yield f"{wrong}."


def _minutes(window: str) -> int:
    return int(window[len("past ") : -1]) * MINUTES[window[-1]]
