"""The pages hang together: every link leads somewhere, and every page can be found."""

from __future__ import annotations

import re

import pytest

from tests.docs.pages import DOCS, ROOT, anchors, links, pages

PAGES = {str(page.relative_to(ROOT)): page for page in pages()}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    for file, anchor in links(PAGES[name]):
        assert file.exists(), f"{name} links to {file}"
        assert not anchor or anchor in anchors(file), f"{name} links to #{anchor} of {file.name}"


def test_the_index_leads_to_every_page() -> None:
    listed = {file for file, _ in links(DOCS / "index.md")}
    assert [page for page in DOCS.rglob("*.md") if page.resolve() not in listed and page.name != "index.md"] == []


def test_the_index_can_be_found() -> None:
    assert (DOCS / "index.md") in {file for file, _ in links(ROOT / "README.md")}


PLACES = (ROOT, ROOT / "src" / "dragoman")
NAMED = re.compile(r"`((?:[\w-]+/)+(?:[\w-]+\.\w+)?|[\w-]+\.py|\w+/[\w-]+\.\w+)`")
IN_EACH_DIALECT = {"__init__.py", "errors.py"}


def test_every_place_that_the_architecture_names_is_there() -> None:
    named = set(NAMED.findall((ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8")))
    assert len(named) > 20
    missing = {place for place in named if not any((base / place).exists() for base in PLACES)}
    assert missing <= IN_EACH_DIALECT


def test_the_architecture_stays_short() -> None:
    assert (ROOT / "ARCHITECTURE.md").read_text(encoding="utf-8").count("\n") <= 160
