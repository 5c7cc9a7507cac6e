"""Patterns of names."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.canon.wildcards import fits, fits_any


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("m", "m"), ("m", "*"), ("", "*"), ("a/b", "a/*"), ("claude-opus-4-8[1m]", "claude-*[1m]"), ("so?", "s*?")],
)
def test_a_star_stands_for_any_characters_and_the_rest_for_itself(name: str, pattern: str) -> None:
    assert fits(name, pattern)


@pytest.mark.parametrize(
    ("name", "pattern"),
    [("m", "M"), ("ma", "m"), ("am", "m"), ("claude-1", "claude-*[1m]"), ("sox", "s*?"), ("m", "m*n"), ("a", "[a]")],
)
def test_no_other_sign_stands_for_anything_else(name: str, pattern: str) -> None:
    assert not fits(name, pattern)


@given(st.lists(st.text(alphabet="ab[]?!*^-\\\n", max_size=5), max_size=5))
def test_a_name_with_stars_put_into_it_still_fits(pieces: list[str]) -> None:
    assert fits("".join(pieces), "*".join(pieces))


def test_one_pattern_of_several_is_enough() -> None:
    assert fits_any("m", ("n", "m*"))
    assert not fits_any("m", ())
