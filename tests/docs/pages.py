"""The pages of the documentation as tests read them: their text, tables and links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
TOP = ("README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGES/README.md")

_LINK = re.compile(r"\]\(([^)\s]+)\)")
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
_FENCED = re.compile(r"^```.*?^```$", re.MULTILINE | re.DOTALL)


def pages() -> list[Path]:
    """Every page that people read."""
    return [*(ROOT / name for name in TOP), *sorted(DOCS.rglob("*.md"))]


def text(name: str) -> str:
    """The text of a page of `docs/`."""
    return (DOCS / name).read_text(encoding="utf-8")


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """The links of a page that stay in the repository: the file, and the heading's anchor or nothing."""
    for link in _LINK.findall(page.read_text(encoding="utf-8")):
        if "://" not in link:
            path, _, anchor = link.partition("#")
            yield ((page.parent / path).resolve() if path else page), anchor


def anchors(page: Path) -> set[str]:
    """The anchors that a page's headings have, as GitHub makes them."""
    plain = _FENCED.sub("", page.read_text(encoding="utf-8"))
    kept = (re.sub(r"[^\w\- ]", "", heading.lower()) for heading in _HEADING.findall(plain))
    return {heading.replace(" ", "-") for heading in kept}


def section(page: str, heading: str) -> str:
    """The text below a heading, up to the next one."""
    found = re.search(rf"^#+ {re.escape(heading)}\n(.*?)(?=^#|\Z)", page, re.MULTILINE | re.DOTALL)
    assert found, f"there is no section {heading}"
    return found[1]


def rows(part: str) -> list[list[str]]:
    """The cells of every table in a text, without the head rows."""
    lines = [line for line in part.splitlines() if line.startswith("|")]
    ruled = {at for at, line in enumerate(lines) if set(line) <= set("|-: ")}
    skipped = ruled | {at - 1 for at in ruled}
    kept = [line for at, line in enumerate(lines) if at not in skipped]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in kept]
