"""The page of providers tells what the catalog holds."""

from __future__ import annotations

from pathlib import Path

from dragoman.providers.catalog import catalog
from dragoman.providers.page import catalog_page

PAGE = Path(__file__).resolve().parents[2] / "docs" / "providers.md"


def test_the_page_is_that_of_the_catalog() -> None:
    assert PAGE.read_text(encoding="utf-8") == catalog_page(catalog().values()), "python -m tests.providers mends it"


def test_every_row_and_every_quirk_stands_on_the_page() -> None:
    page = PAGE.read_text(encoding="utf-8")
    for row in catalog().values():
        assert f"| `{row.id}` |" in page
        assert all(f"### {quirk}\n" in page for quirk in row.quirks)
        assert all(f"Option `{option}`" in page for option in row.options)
