"""What would be right is told wherever something is not."""

from __future__ import annotations

from typing import Annotated, Any, Generic, Literal, TypeVar

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Meta, Struct

from dragoman.shapes.hints import hint

S = TypeVar("S", bound=Struct)


class Tree(Struct, forbid_unknown_fields=True, rename={"kind_of": "kind"}):
    kind_of: Literal["oak", "pine"] = "oak"
    ages: dict[Literal["young", "old"], Annotated[int, Meta(ge=0)]] = {}
    limbs: tuple[Tree, ...] = ()
    words: Annotated[list[Literal["a", "b"]], Meta(max_length=3)] | None = None
    by_name: dict[str, Tree] = {}


class Held(Struct, Generic[S], forbid_unknown_fields=True):
    spec: S | None = None


def told(text: bytes, shape: Any = Held[Tree]) -> str:
    with pytest.raises(msgspec.ValidationError) as found:
        msgspec.json.decode(text, type=shape)
    return hint(found.value, shape)


@pytest.mark.parametrize(
    ("text", "advice"),
    [
        (b'{"spce": {}}', "Did you mean 'spec'?"),
        (b'{"spec": {"Kinds": 1}}', "Did you mean 'kind'?"),
        (b'{"spec": {"zzz": 1}}', "Known here: ages, by_name, kind, limbs, words."),
        (b'{"spec": {"kind": "elm"}}', "It may be: oak, pine."),
        (b'{"spec": {"ages": {"ancient": 3}}}', "It may be: old, young."),
        (b'{"spec": {"limbs": [{}, {"limbs": [{"kind": "x"}]}]}}', "It may be: oak, pine."),
        (b'{"spec": {"by_name": {"a.b": {"wods": []}}}}', "Did you mean 'words'?"),
        (b'{"spec": {"words": ["a", "c"]}}', "It may be: a, b."),
        (b'{"spec": {"kind": 3}}', ""),
        (b'{"spec": {"ages": {"old": -1}}}', ""),
    ],
)
def test_the_nearest_name_or_the_words_that_fit_are_told(text: bytes, advice: str) -> None:
    assert told(text) == advice


@given(st.text(max_size=30))
def test_any_name_that_is_not_known_finds_some_advice(name: str) -> None:
    if name not in ("kind", "ages", "limbs", "words", "by_name"):
        assert told(msgspec.json.encode({"spec": {name: 1}})).startswith(("Did you mean", "Known here"))
        assert told(msgspec.json.encode({"spec": {"by_name": {name: {"kin": 1}}}})) == "Did you mean 'kind'?"
