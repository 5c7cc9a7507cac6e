"""Declared changes of a body do what they say, and nothing to what is not there."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.canon.operations import ACTS, Operation, operate
from dragoman.canon.paths import path_of

BODY = {"model": "m", "messages": [{"role": "user", "x": 1}, {"role": "tool", "x": 2}], "a": {"b": [1, 2]}}


def changed(op: str, path: str, value: object = None, to: str = "") -> Any:
    operation = Operation(op=op, path=path_of(path), value=value, to=path_of(to) if to else ())
    return msgspec.json.decode(operate(msgspec.json.encode(BODY), [operation]).body)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (changed("set", "model", "n"), {**BODY, "model": "n"}),
        (changed("set", "new.deep", 1), {**BODY, "new": {"deep": 1}}),
        (changed("default", "model", "n"), BODY),
        (changed("default", "user", "u"), {**BODY, "user": "u"}),
        (changed("delete", "a"), {"model": "m", "messages": BODY["messages"]}),
        (changed("delete", "messages.*.x"), {**BODY, "messages": [{"role": "user"}, {"role": "tool"}]}),
        (changed("delete", "messages.*"), {**BODY, "messages": []}),
        (changed("delete", "a.b.-1"), {**BODY, "a": {"b": [1]}}),
        (changed("set", "messages.0.x", 9), {**BODY, "messages": [{"role": "user", "x": 9}, {"role": "tool", "x": 2}]}),
        (changed("append", "a.b", 3), {**BODY, "a": {"b": [1, 2, 3]}}),
        (changed("prepend", "a.b", 0), {**BODY, "a": {"b": [0, 1, 2]}}),
        (changed("rename", "model", to="engine"), {"engine": "m", "messages": BODY["messages"], "a": BODY["a"]}),
        (changed("copy", "a.b.0", to="first"), {**BODY, "first": 1}),
        (changed("copy", "a", to="a.itself"), {**BODY, "a": {"b": [1, 2], "itself": {"b": [1, 2]}}}),
        (changed("delete", "nowhere.at.all"), BODY),
        (changed("rename", "nowhere", to="model"), BODY),
        (changed("append", "model", 3), BODY),
        (changed("set", "a.b.7", 3), BODY),
        (changed("set", "model.deep", 3), BODY),
    ],
)
def test_an_operation(found: object, wanted: object) -> None:
    assert found == wanted


def test_a_body_that_is_no_object_stays() -> None:
    assert operate(b"[1]", [Operation(op="set", path=("a",), value=1)]).body == b"[1]"


def test_a_value_is_not_shared_between_bodies() -> None:
    value: list[int] = []
    operations = [Operation(op="set", path=("a",), value=value), Operation(op="append", path=("a",), value=1)]
    assert operate(b"{}", operations).body == operate(b"{}", operations).body == b'{"a":[1]}'


def test_a_path_has_no_empty_step() -> None:
    with pytest.raises(ValueError, match="empty step"):
        path_of("a..b")


JSON = st.recursive(
    st.none() | st.integers(-9, 9) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from("abc*"), inner, max_size=3),
    max_leaves=8,
)
PATHS = st.lists(st.sampled_from(["a", "b", "c", "*", "0", "-1", "7"]), min_size=1, max_size=3).map(tuple)


@given(
    st.dictionaries(st.sampled_from("abc"), JSON, max_size=3),
    st.lists(st.builds(Operation, op=st.sampled_from([*ACTS, "rename", "copy"]), path=PATHS, value=JSON, to=PATHS)),
)
def test_any_operations_on_any_body_give_a_body(body: dict[str, Any], operations: list[Operation]) -> None:
    assert isinstance(msgspec.json.decode(operate(msgspec.json.encode(body), operations).body), dict)
