"""What an operator writes as a pattern cannot keep the gateway busy."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.canon.patterns import LONGEST, LONGEST_NAME, LONGEST_TEXT, reach, unsound

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
    ".*gpt.*4.*",
    "|".join(f"model-{n}" for n in range(100)),
    r"(claude|gpt|gemini)-.*-(opus|sonnet|haiku|mini|pro)(-\d{8})?",
    r"^v?\d+\.\d+\.\d+$",
    "a+?b*+c",
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
    "pattern",
    [
        "a*" * 10 + "b",
        "a?" * 300 + "a" * 300,
        "(a|a)" * 150 + "b",
        "((a{8}|a){8}){8}b",
        "(a?){8}" * 20 + "b",
        "a{1,8}" * 20 + "b",
        "a+b?a+b?a+b?a+b",
    ],
)
def test_a_pattern_that_could_be_laid_over_a_name_in_many_ways_is_refused(pattern: str) -> None:
    assert "fewer" in unsound(pattern)


@pytest.mark.parametrize("pattern", ["a*a*a*b", "a+b?a+b", "(?i)a+A+a+b", "(a|a)" * 16])
def test_less_is_taken_of_a_pattern_that_may_begin_anywhere(pattern: str) -> None:
    assert unsound(pattern) == ""
    assert "fewer" in unsound(pattern, searched=True)


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("", LONGEST_TEXT),
        (r"claude-cli/\d+\.", LONGEST_TEXT),
        ("a*b", LONGEST_TEXT),
        (".*a.*b", LONGEST_NAME),
        (r"claude-cli/\d+\.\d+\.\d+ \(", LONGEST_TEXT),
    ],
)
def test_a_pattern_that_takes_longer_is_looked_for_in_less(pattern: str, expected: int) -> None:
    assert unsound(pattern, searched=True) == ""
    assert reach(pattern) == expected


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
