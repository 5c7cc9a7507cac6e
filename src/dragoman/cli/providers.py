"""`dragoman providers`: the rows of the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dragoman.cli.options import Switch

if TYPE_CHECKING:
    from dragoman.providers.base import Provider


def providers(id: str | None = None, /, *, json: Switch = False) -> int:  # noqa: A002
    """List the providers that a channel can name, or tell all about one.

    Parameters
    ----------
    id
        One provider, as `deepseek`.
    json
        Print JSON.
    """
    from dragoman.cli.say import as_json, columns, fail
    from dragoman.providers.catalog import catalog
    from dragoman.shapes.hints import near

    rows = catalog()
    if id is not None and id not in rows:
        return fail(f"There is no provider '{id}'.", near(id, rows))
    if json:
        print(as_json(rows[id] if id else list(rows.values())))
    elif id:
        print(columns(told(rows[id])))
    else:
        table = [(row.id, row.dialect, "proved" if row.verified else "", row.name) for row in rows.values()]
        print(columns([("PROVIDER", "DIALECT", "TESTED", "NAME"), *table]))
        print("\nAll about one: dragoman providers <PROVIDER>")
    return 0


def told(row: Provider) -> list[tuple[str, str]]:
    """Everything a user may want to know of a row."""
    key = "optional" if row.key_optional else "required"
    facts = [
        ("provider", row.id),
        ("name", row.name),
        ("dialect", row.dialect),
        ("address", row.base_url or "none of its own: base_url is required"),
        ("key", "none" if row.auth == "none" else f"{key}, sent as {row.auth}"),
        ("tested", "by scenes in the tests" if row.verified else "not yet; made from its documentation"),
        ("quirks", ", ".join(row.quirks)),
        ("docs", row.docs),
        ("notes", " ".join(row.notes.split())),
    ]
    options = [(f"option {name}", meaning) for name, meaning in row.options.items()]
    return [(name, value) for name, value in (*facts, *options) if value]
