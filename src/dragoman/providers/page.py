"""The catalog as a page of the documentation."""

from __future__ import annotations

import inspect
from collections.abc import Iterable

from dragoman.providers.base import Auth, Provider
from dragoman.providers.quirks import QUIRKS

KEYS: dict[Auth, str] = {
    "bearer": "`Authorization: Bearer`",
    "x-api-key": "`x-api-key`",
    "api-key": "`api-key`",
    "x-goog-api-key": "`x-goog-api-key`",
    "none": "none",
}
HEAD = """\
# Providers

Made from `src/dragoman/providers/catalog.toml`; `python -m tests.providers` writes it anew.

A channel names one of these in `provider`. Rows marked ✓ are proved by scenes in `tests/providers`; the others were
made from the vendor's documentation, which each links to. Where the address says *yours*, `base_url` must be given.
A server that is not listed is reached by `openai-compatible`, `responses-compatible`, `anthropic-compatible` or
`gemini-compatible`.

| id | provider | dialect | address | key | ✓ |
|---|---|---|---|---|---|
"""

QUIRKS_HEAD = """
## Quirks

What vendors do otherwise than the dialect they speak. What a quirk takes from a request is recorded with the exchange
as a loss.
"""


def catalog_page(rows: Iterable[Provider]) -> str:
    """The page that lists all rows, tells what to know of each, and explains their quirks. Markdown."""
    listed = list(rows)
    named = {name for row in listed for name in row.quirks}
    return "".join(
        [
            HEAD,
            *(_line(row) for row in listed),
            "\n## What to know\n",
            *(_notes(row) for row in listed if row.notes or row.options or row.balance),
            QUIRKS_HEAD,
            *(_quirk(name) for name in sorted(named)),
        ]
    )


def _line(row: Provider) -> str:
    address = f"`{row.base_url}`" if row.base_url else "*yours*"
    key = KEYS[row.auth] + (", optional" if row.key_optional else "")
    verified = "✓" if row.verified else ""
    return f"| `{row.id}` | [{row.name}]({row.docs}) | {row.dialect} | {address} | {key} | {verified} |\n"


def _notes(row: Provider) -> str:
    options = "".join(f"\nOption `{name}`: {meaning}\n" for name, meaning in row.options.items())
    balance = "\nTells what is left of an account.\n" if row.balance else ""
    return f"\n### {row.id}\n" + (f"\n{row.notes}\n" if row.notes else "") + balance + options


def _quirk(name: str) -> str:
    return f"\n### {name}\n\n{inspect.getdoc(QUIRKS[name])}\n"
