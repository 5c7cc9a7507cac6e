"""How deeply JSON is nested is told exactly, whatever brackets stand in its texts."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dragoman.canon.depth import DEPTH, too_deep
from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.splice import check_once, members

TEXTS = st.text(alphabet='[]{}"\\\n,:a✓', max_size=8)
VALUES = st.recursive(
    TEXTS | st.integers() | st.none(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def levels(value: Any) -> int:
    """Levels, counted in the plainest way."""
    match value:
        case dict():
            return 1 + max(map(levels, value.values()), default=0)
        case list():
            return 1 + max(map(levels, value), default=0)
    return 0


@settings(max_examples=200)
@given(found=st.dictionaries(TEXTS, VALUES, max_size=5), most=st.integers(1, 6), indent=st.none() | st.integers(0, 2))
def test_a_body_is_too_deep_exactly_where_it_has_more_levels(found: dict[str, Any], most: int, indent: int) -> None:
    body = json.dumps(found, indent=indent).encode()
    deep = too_deep(members(body), most)
    assert (deep is not None) == (levels(found) > most)
    assert deep is None or 1 + levels(found[deep]) > most


def nested(depth: int, opening: str, closing: str) -> bytes:
    """A body of so many levels, its own braces among them."""
    return ('{"deep":' + opening * (depth - 1) + '"]["' + closing * (depth - 1) + "}").encode()


@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"type":"x","in":', "}]")])
def test_the_last_level_that_is_allowed_passes_and_the_next_is_refused(opening: str, closing: str) -> None:
    each = len(closing)
    check_once(nested((DEPTH - 1) // each + 1, opening, closing))
    with pytest.raises(Trouble) as caught:
        check_once(nested(DEPTH // each + 2, opening, closing))
    assert caught.value.problem.kind is Kind.INVALID_REQUEST
    assert caught.value.problem.param == "deep"
    assert "128 levels" in caught.value.problem.message


def test_many_brackets_side_by_side_are_not_deep() -> None:
    tool = {"name": "t", "input_schema": {"type": "object", "properties": {str(n): {"type": []} for n in range(300)}}}
    text = "[" * 5000 + '\\"{'
    check_once(json.dumps({"tools": [tool] * 20, "messages": [{"role": "user", "content": text}], "x": text}).encode())
