"""What an operator writes as a pattern cannot keep the gateway busy."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.routing.patterns import LONGEST, unsound

SOUND = (
    "",
    "claude-(opus|sonnet)-.*",
    "(.+)-(xhigh|high|medium|low)",
    "(?i)gpt-(?P<size>mini|nano)?",
    r"\(a+\)+",
    "[a)(|]+",
    "(?:ab)+",
    "(a{3})+",
    "(a{2,}){3}",
    "(?P<n>a+)?",
    "[]a]+[^]a]*",
)
EXPLOSIVE = (
    "(a+)+",
    "(a*)*b",
    "((a|b))*",
    "(a|aa)+c",
    "(aa?)*b",
    "(?:a*)*",
    "(?P<n>a+){2,}",
    "(a{2,}){9}",
    "(a{,3})*",
    "((a+))*",
    "(?=(a+)+)b",
    "x(y(z+)w)*",
)


@pytest.mark.parametrize("pattern", SOUND)
def test_a_pattern_that_ends_is_taken(pattern: str) -> None:
    assert unsound(pattern) == ""


@pytest.mark.parametrize("pattern", EXPLOSIVE)
def test_a_pattern_that_repeats_a_repetition_is_refused(pattern: str) -> None:
    assert "busy for years" in unsound(pattern)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("a(", "no regular expression"),
        ("[b-a]", "no regular expression"),
        ("x" * (LONGEST + 1), "more than"),
        ("(?x)(a+) +", "without"),
        ("(?ix:(a+) +)", "without"),
        ("a{99999999999999999999}", "no regular expression"),
    ],
)
def test_what_is_no_pattern_is_refused_in_words(pattern: str, words: str) -> None:
    assert words in unsound(pattern)


PIECES = st.sampled_from(["a", "b", ".", "(", ")", "|", "*", "+", "?", "{2}", "{2,}", "{,9}", "[ab]", "(?:", "\\d"])


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=12).map("".join))
def test_every_pattern_that_is_taken_comes_to_an_end(pattern: str) -> None:
    if not unsound(pattern):
        assert re.compile(pattern).fullmatch("a" * 40 + "!") is None or "." in pattern
