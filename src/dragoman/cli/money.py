"""Budgets and bills by hand: how a budget is written, what was used of it, and what something would cost."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime
from typing import Any

from dragoman.cli.desk import AdminApi, Refused, Url, named, run
from dragoman.cli.options import ConfigFile, Switch
from dragoman.cli.say import as_json, columns

FORM = 'Write it as "20 USD/month", "1000000 tokens/day" or "500 requests/past 5h".'
WINDOWS = ("minute", "hour", "day", "week", "month", "total")
BUDGET = re.compile(
    r"(?P<number>[\d,_.]+) (?P<unit>[A-Za-z]+) ?/ ?(?P<window>past \d+[mhd]|[a-z]+)"
    r"(?: in (?P<zone>\S+))?(?: for (?P<models>\S.*))?"
)


def budget_of(text: str) -> dict[str, object]:
    """A budget as it is written by hand: an amount, a period, perhaps a time zone, perhaps models.

    Raises `ValueError`.
    """
    found = BUDGET.fullmatch(text.strip())
    if found is None:
        raise ValueError(f"The budget '{text}' is not understood.")
    number, unit, window = re.sub("[,_]", "", found["number"]), found["unit"], found["window"]
    if window not in WINDOWS and not window.startswith("past "):
        raise ValueError(f"The budget '{text}' names no period: {', '.join(WINDOWS)}, or as `past 5h`.")
    budget: dict[str, object] = {"window": window}
    if found["zone"]:
        budget["zone"] = found["zone"]
    if found["models"]:
        budget["models"] = [name.strip() for name in found["models"].split(",") if name.strip()]
    if unit in ("requests", "tokens") and number.isdecimal():
        return {**budget, unit: int(number)}
    if len(unit) == 3 and unit.isalpha() and number.replace(".", "", 1).isdecimal():
        return {**budget, "money": number, "currency": unit.upper()}
    raise ValueError(f"The budget '{text}' is not understood.")


def usage_of(kind: str) -> Callable[..., int]:
    """The command that shows what was used of the budgets of one of a kind of things."""

    def usage(name: str, /, *, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
        def work(api: AdminApi) -> None:
            found = api.ask("GET", f"/{kind}/{_id_of(api, kind, name)}/usage").json
            rows: list[tuple[str, ...]] = [("period", "budget", "requests", "tokens", "money")]
            rows += [_row(used) for used in found]
            print(as_json(found) if json else columns(rows) if found else f"{name} has no budget.")

        return run(url, config, work)

    usage.__doc__ = "Show what was used in each period of its budgets."
    return usage


def _id_of(api: AdminApi, kind: str, name: str) -> str:
    """The id of what has this name. Raises `Refused`."""
    if kind != "users":
        return str(named(api, kind, name)["id"])
    for user in api.ask("GET", "/users").json:
        if user["login"] == name:
            return str(user["id"])
    raise Refused(f"There is no user '{name}'.")


def _row(used: Any) -> tuple[str, ...]:
    """One budget, and what was used of it."""
    budget, spent = used["budget"], used["spent"]
    period = budget["window"] + (f" in {budget['zone']}" if budget["zone"] else "")
    limits = [f"{budget[unit]:,} {unit}" for unit in ("requests", "tokens") if budget[unit]]
    limits += [f"{budget['money']} {budget['currency']}"] if budget["money"] else []
    models = f" for {', '.join(budget['models'])}" if budget["models"] else ""
    money = ", ".join(f"{nano / 1e9:.4f} {currency}" for currency, nano in spent["cost_nano"].items())
    return period, " and ".join(limits) + models, f"{spent['requests']:,}", f"{spent['tokens']:,}", money or "-"


def price_test(
    model: str,
    /,
    *,
    channel: str = "",
    provider: str = "",
    input: int = 1_000_000,  # noqa: A002 - the option's name
    output: int = 1_000_000,
    cache_read: int = 0,
    cache_write: int = 0,
    at: datetime | None = None,
    json: Switch = False,
    url: Url = None,
    config: ConfigFile = None,
) -> int:
    """Show what some tokens of a model would cost, and by which price; nothing is sent.

    Parameters
    ----------
    model
        The provider's name of the model.
    channel
        The channel it is asked on.
    provider
        The provider, where no channel is named.
    input
        Tokens of the prompt that come from no cache.
    output
        Tokens of the answer.
    cache_read
        Tokens read from a cache.
    cache_write
        Tokens written to a cache for five minutes.
    at
        A moment, as 2026-12-24T22:00 of the local time; else now.
    json
        As JSON.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """
    usage = {"input": input, "output": output, "cache_read": cache_read, "cache_write_5m": cache_write}
    said: dict[str, object] = {"model": model, "channel": channel, "provider": provider, "usage": usage}
    if at is not None:
        said["at_ms"] = int(at.timestamp() * 1000)

    def work(api: AdminApi) -> None:
        found = api.ask("POST", "/prices/bill", said).json
        if json:
            print(as_json(found))
            return
        cost = found["cost"]
        currency = found["price"].get("currency", "USD")
        rows = [("what", "tokens", f"{currency} per million", currency)]
        for item, tokens, per_million, nano in cost["lines"] if cost else ():
            each = "-" if item == "request" else f"{per_million / 1e9:.4f}"
            rows.append((item, f"{tokens:,}", each, f"{nano / 1e9:.6f}"))
        rows.append(("all", "", "", f"{cost['nano'] / 1e9:.6f}" if cost else "0"))
        print(columns(rows))
        print(found["why"][:1].upper() + found["why"][1:])
        if found["doubt"]:
            print(found["doubt"])

    return run(url, config, work)
