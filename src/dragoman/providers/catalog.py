"""The catalog: every provider that is known by name, read from `catalog.toml`.

Rules: a row that cannot be read, names an unknown quirk or address, or has a member nobody knows fails loading, with
the row's id in the message. The table `[cards]` holds what is documented of well-known models, whoever serves them;
it stands behind the row's own cards, except for servers that need no key: those are the user's own, and so are
their limits.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from importlib.resources import files
from typing import Any

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.canon.habits import Habits
from dragoman.canon.models import Sort
from dragoman.providers import gigachat, google, oauth
from dragoman.providers.addresses import ADDRESSES
from dragoman.providers.balance import BALANCES
from dragoman.providers.base import Card, Provider
from dragoman.providers.quirks import QUIRKS
from dragoman.providers.tokens import TokenSource

TOKEN_SOURCES: dict[str, TokenSource] = {
    "oauth_of_gigachat": gigachat.SOURCE,
    "oauth_of_google": google.SOURCE,
}
"""How tokens are fetched, by the name a row gives."""


class _Limits(Struct, frozen=True, forbid_unknown_fields=True):
    """What the table of well-known models tells of one."""

    type: Sort | None = None
    context: int | None = None
    max_output: int | None = None


def catalog() -> Mapping[str, Provider]:
    """All rows by id, in the order of the file that comes with the package."""
    return read_catalog((files(__package__) / "catalog.toml").read_text(encoding="utf-8"))


def read_catalog(toml: str) -> Mapping[str, Provider]:
    """The rows of a catalog's text by id. Raises `ValueError` that names the row and what is wrong with it."""
    tables = tomllib.loads(toml)
    unknown = tables.keys() - {"providers", "cards"}
    if unknown:
        raise ValueError(f"The provider catalog was read but has unknown tables: {', '.join(sorted(unknown))}.")
    known = _general_cards(tables.get("cards", {}))
    rows: dict[str, Provider] = {}
    for table in tables.get("providers", []):
        row = _read_row(table)
        if row.id in rows:
            raise ValueError(f"The provider catalog was read but its row '{row.id}' stands twice.")
        if row.oauth:
            row = replace(row, options={**oauth.options_of(row.oauth), **row.options})
        rows[row.id] = row if row.key_optional else replace(row, cards=(*row.cards, *known))
    return rows


def _read_row(table: dict[str, Any]) -> Provider:
    """One row, with every name in it known."""
    name = table.get("id", "?")
    try:
        row = msgspec.convert(table, Provider, strict=True)
    except msgspec.ValidationError as found:
        raise ValueError(f"The provider catalog was read but its row '{name}' is wrong: {found}.") from None
    checks: tuple[tuple[str, Iterable[str], Iterable[str]], ...] = (
        ("habits", table.get("habits", {}), Habits.__struct_fields__),
        ("options", (*row.body_options, *row.habit_options), row.options),
        ("habits", row.habit_options, Habits.__struct_fields__),
        ("quirks", row.quirks, QUIRKS),
        ("addresses", [row.address] if row.address else [], ADDRESSES),
        ("balances", [row.balance] if row.balance else [], BALANCES),
        ("token sources", [row.token] if row.token else [], TOKEN_SOURCES),
    )
    for kind, named, known in checks:
        unknown = sorted(set(named) - set(known))
        if unknown:
            raise ValueError(f"The provider catalog was read but its row '{name}' names unknown {kind}: {unknown}.")
    return row


def _general_cards(table: dict[str, Any]) -> tuple[Card, ...]:
    """Cards of well-known models, each also under an aggregator's prefix, as `vendor/model`."""
    cards = [
        Card(name=prefix + name, type=limits.type, context=limits.context, max_output=limits.max_output)
        for name, limits in msgspec.convert(table, dict[str, _Limits], strict=True).items()
        for prefix in ("", "*/")
    ]
    return tuple(cards)


def nearest(rows: Iterable[str], name: str) -> str:
    """The known id most like a name that is not known; empty if none is close."""
    wanted = name.lower().replace("_", "-").replace(" ", "-")
    return next(iter(get_close_matches(wanted, list(rows), n=1, cutoff=0.5)), "")
