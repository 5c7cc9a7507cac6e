"""docs/troubleshooting.md quotes what the gateway really says."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

import pytest

from tests.docs.pages import ROOT, text

PAGE = text("troubleshooting.md").replace("\n", " ")
QUOTES = [
    quote for bold in re.findall(r"\*\*(.*?)\*\*", PAGE) for quote in re.findall(r"`([^`]+)`", bold) if " " in quote
]


def messages() -> Iterator[str]:
    """Every text that the source may say, with `…` for what is filled in."""
    for file in (ROOT / "src").rglob("*.py"):
        for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"))):
            match node:
                case ast.JoinedStr(values=values):
                    yield "".join(str(part.value) if isinstance(part, ast.Constant) else "…" for part in values)
                case ast.Constant(value=str(said)):
                    yield said


SAID = list(messages())


def pieces(quote: str) -> list[str]:
    """What a quote says between the things that are filled in; the system's own words are left out."""
    words = quote.replace("Address already in use.", "…")
    return [piece.strip(" .") for piece in words.split("…") if piece.strip(" .'")]


@pytest.mark.parametrize("quote", QUOTES)
def test_what_is_quoted_is_said(quote: str) -> None:
    assert any(all(piece in said for piece in pieces(quote)) for said in SAID) or "it broke off" in quote


def test_there_are_quotes() -> None:
    assert len(QUOTES) > 12
