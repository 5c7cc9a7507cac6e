"""Declared changes of a body do what they say, and nothing to what is not there."""

from __future__ import annotations

import re
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.canon.operations import (
    ACTS,
    Condition,
    HeaderOperation,
    Match,
    Operation,
    holds,
    operate,
    operate_headers,
)
from dragoman.canon.paths import path_of, same
from dragoman.canon.templates import Occasion, compiled, template_of

BODY: dict[str, Any] = {
    "model": "m",
    "messages": [{"role": "user", "x": 1}, {"role": "tool", "x": 2}],
    "a": {"b": [1, 2]},
}


def changed(op: str, path: str, value: object = None, to: str = "", **more: Any) -> Any:
    operation = Operation(op=op, path=path_of(path), value=value, to=path_of(to) if to else (), **more)
    return msgspec.json.decode(operate(msgspec.json.encode(BODY), [operation]).body)


@pytest.mark.parametrize(
    ("found", "wanted"),
    [
        (changed("set", "model", "n"), {**BODY, "model": "n"}),
        (changed("set", "a.b.0", 9), {**BODY, "a": {"b": [9, 2]}}),
        (changed("set", "new.deep", 1), {**BODY, "new": {"deep": 1}}),
        (changed("default", "model", "n"), BODY),
        (changed("default", "user", "u"), {**BODY, "user": "u"}),
        (changed("delete", "a"), {"model": "m", "messages": BODY["messages"]}),
        (changed("delete", "messages.*.x"), {**BODY, "messages": [{"role": "user"}, {"role": "tool"}]}),
        (changed("delete", "messages.*"), {**BODY, "messages": []}),
        (changed("delete", "a.b.-1"), {**BODY, "a": {"b": [1]}}),
        (changed("set", "messages.0.x", 9), {**BODY, "messages": [{"role": "user", "x": 9}, {"role": "tool", "x": 2}]}),
        (changed("append", "a.b", [3, 4], spread=True), {**BODY, "a": {"b": [1, 2, 3, 4]}}),
        (changed("prepend", "a.b", [3, 4], spread=True), {**BODY, "a": {"b": [3, 4, 1, 2]}}),
        (changed("insert", "a.b", 9, index=1), {**BODY, "a": {"b": [1, 9, 2]}}),
        (changed("insert", "a.b", 9, index=-1), {**BODY, "a": {"b": [1, 9, 2]}}),
        (changed("insert", "a.b", 9, index=70), {**BODY, "a": {"b": [1, 2, 9]}}),
        (changed("insert", "a.b", [8, 9], index=0, spread=True), {**BODY, "a": {"b": [8, 9, 1, 2]}}),
        (changed("insert", "a.b", 9, before=Match(equals=2)), {**BODY, "a": {"b": [1, 9, 2]}}),
        (changed("insert", "a.b", 9, after=Match(equals=2)), {**BODY, "a": {"b": [1, 2, 9]}}),
        (changed("insert", "a.b", 9, after=Match(equals=7)), BODY),
        (changed("insert", "model", 9, index=0), BODY),
        (
            changed("insert", "messages", {"role": "x"}, before=Match(path=("role",), equals="tool")),
            {**BODY, "messages": [BODY["messages"][0], {"role": "x"}, BODY["messages"][1]]},
        ),
        (changed("remove", "a.b", index=0), {**BODY, "a": {"b": [2]}}),
        (changed("remove", "a.b", index=7), BODY),
        (changed("remove", "a.b", match=Match(equals=2)), {**BODY, "a": {"b": [1]}}),
        (changed("remove", "a.b", match=Match(equals=True)), BODY),
        (
            changed("remove", "messages", match=Match(path=("role",), equals="tool")),
            {**BODY, "messages": [BODY["messages"][0]]},
        ),
        (changed("remove", "messages", match=Match(path=("gone",))), BODY),
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

MATCHES = st.builds(Match, path=PATHS, equals=JSON)


@given(
    st.dictionaries(st.sampled_from("abc"), JSON, max_size=3),
    st.lists(
        st.builds(
            Operation,
            op=st.sampled_from([*ACTS, "rename", "copy"]),
            path=PATHS,
            value=JSON,
            to=PATHS,
            index=st.none() | st.integers(-3, 3),
            match=st.none() | MATCHES,
            before=st.none() | MATCHES,
            spread=st.booleans(),
            when=st.none() | st.builds(Condition, path=PATHS, equals=JSON, present=st.booleans()),
        )
    ),
)
def test_any_operations_on_any_body_give_a_body(body: dict[str, Any], operations: list[Operation]) -> None:
    assert isinstance(msgspec.json.decode(operate(msgspec.json.encode(body), operations).body), dict)


OCCASION = Occasion(
    model="gpt-5",
    asked="claude-opus-4-8",
    channel="eu",
    door="anthropic",
    session="s-1",
    headers={"x-team": "blue"},
    body={"max_tokens": 9, "user": None, "deep": [{"on": True}], "text": "yes"},
)


@pytest.mark.parametrize(
    ("value", "wanted"),
    [
        ("{model}", "gpt-5"),
        ("{asked} on {channel} by {door}", "claude-opus-4-8 on eu by anthropic"),
        ("{ session }", "s-1"),
        ("{header.X-Team}", "blue"),
        ("{body.max_tokens}", 9),
        ("{body.deep}", [{"on": True}]),
        ("at most {body.max_tokens}, {body.deep.0.on}", "at most 9, true"),
        ("{body.user}", None),
        ("{{model}} {{", "{model} {"),
        ({"a": ["{model}", 1, "{{}}"]}, {"a": ["gpt-5", 1, "{}"]}),
    ],
)
def test_a_value_is_filled(value: object, wanted: object) -> None:
    operation = Operation(op="set", path=("new",), value=compiled(value))
    body = msgspec.json.encode(OCCASION.body)
    assert msgspec.json.decode(operate(body, [operation], OCCASION).body)["new"] == wanted


@pytest.mark.parametrize("value", ["{effort}", "x {effort}", "{header.gone}", "{body.gone}", ["{model}", "{effort}"]])
def test_a_value_that_lacks_something_is_not_put(value: object) -> None:
    operated = operate(b'{"a":1}', [Operation(op="set", path=("new",), value=compiled(value))], Occasion(model="m"))
    assert (operated.body, operated.done) == (b'{"a":1}', ())


@pytest.mark.parametrize(
    "text", ["{", "a}", "{}", "{colour}", "{model.x}", "{header}", "{header.}", "{body.}", "{body.a..b}", "{body.*}"]
)
def test_a_placeholder_that_there_is_not_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"brace|placeholder|step"):
        template_of(text)


def test_what_was_filled_is_not_filled_again() -> None:
    body = b'{"user":"{body.secret}","secret":1}'
    operation = Operation(op="set", path=("told",), value=compiled("{body.user}"))
    assert msgspec.json.decode(operate(body, [operation]).body)["told"] == "{body.secret}"


def test_what_was_filled_shares_nothing_with_the_body() -> None:
    operations = [
        Operation(op="set", path=("b",), value=compiled("{body.a}")),
        Operation(op="append", path=("b",), value=2),
    ]
    assert operate(b'{"a":[1]}', operations).body == b'{"a":[1],"b":[1,2]}'


@pytest.mark.parametrize(
    ("condition", "held"),
    [
        (Condition(model="gpt-*"), True),
        (Condition(model="gpt"), False),
        (Condition(model="gpt-[5]"), False),
        (Condition(asked="claude-*-4-8"), True),
        (Condition(doors=("anthropic", "gemini")), True),
        (Condition(doors=("gemini",)), False),
        (Condition(path=("user",)), True),
        (Condition(path=("gone",)), False),
        (Condition(path=("gone",), present=False), True),
        (Condition(path=("max_tokens",), equals=9), True),
        (Condition(path=("max_tokens",), equals=9.0), True),
        (Condition(path=("max_tokens",), equals=8), False),
        (Condition(path=("max_tokens",), equals=8, present=False), True),
        (Condition(path=("deep", "*", "on"), equals=True), True),
        (Condition(path=("deep", "0", "on"), equals=1), False),
        (Condition(path=("text",), matches=re.compile("^y")), True),
        (Condition(path=("text",), matches=re.compile("^n")), False),
        (Condition(path=("max_tokens",), matches=re.compile("9")), True),
        (Condition(model="gpt-5", path=("gone",)), False),
    ],
)
def test_a_condition(condition: Condition, held: bool) -> None:
    assert holds(condition, OCCASION) is held


def test_a_condition_sees_what_was_changed_before() -> None:
    operations = [
        Operation(op="delete", path=("a",)),
        Operation(op="set", path=("b",), value=1, when=Condition(path=("a",), present=False)),
        Operation(op="set", path=("c",), value=1, when=Condition(path=("a",))),
    ]
    operated = operate(b'{"a":1}', operations)
    assert operated.body == b'{"b":1}'
    assert operated.done == tuple(operations[:2])


def test_headers_are_changed() -> None:
    headers = {"a": "1", "b": "2", "user-agent": "x"}
    operations = [
        HeaderOperation(op="set", name="x-model", value=template_of("{model}/{body.max_tokens}")),
        HeaderOperation(op="set", name="x-effort", value=template_of("{effort}")),
        HeaderOperation(op="set", name="c", value="3", when=Condition(doors=("gemini",))),
        HeaderOperation(op="rename", name="a", to="d"),
        HeaderOperation(op="copy", name="b", to="e", when=Condition(path=("text",))),
        HeaderOperation(op="delete", name="user-agent"),
        HeaderOperation(op="copy", name="gone", to="f"),
    ]
    operate_headers(headers, operations, OCCASION)
    assert headers == {"b": "2", "x-model": "gpt-5/9", "d": "1", "e": "2"}


@pytest.mark.parametrize("value", ["a\r\nx-api-key: stolen", "\0", "ключ"])
def test_no_value_breaks_out_of_its_header(value: str) -> None:
    headers = {"x-user": "before"}
    operation = HeaderOperation(op="set", name="x-user", value=template_of("{body.user}"))
    operate_headers(headers, [operation], Occasion(body={"user": value}))
    assert headers == {"x-user": "before"}


@given(JSON, JSON)
def test_equal_is_what_is_written_alike(one: object, other: object) -> None:
    texts = [msgspec.json.encode(value, order="deterministic") for value in (one, other)]
    assert same(one, other) == (texts[0] == texts[1])


@pytest.mark.parametrize(
    "bomb",
    [
        Operation(op="append", path=("a",), value=compiled("{body.a}"), spread=True),
        Operation(op="set", path=("a",), value=compiled("{body.a}{body.a}")),
        Operation(op="set", path=("a",), value=compiled(["{body.a}", "{body.a}"])),
        Operation(op="copy", path=("a",), to=("a", "*")),
        Operation(op="set", path=("a", "*"), value=compiled("{body.a}")),
    ],
)
def test_changes_that_double_what_is_there_come_to_an_end(bomb: Operation) -> None:
    found = operate(msgspec.json.encode({"a": ["x" * 1000, "y"]}), [bomb] * 60, most=100_000)
    assert len(found.done) < 60
    assert len(found.body) < 300_000


def test_many_placeholders_make_no_endless_text() -> None:
    body = msgspec.json.encode({"a": "x" * 2**20})
    found = operate(body, [Operation(op="set", path=("b",), value=compiled("{body.a}" * 100))])
    assert found.body == body
    assert found.done == ()


def test_a_step_that_is_an_endless_number_leads_nowhere() -> None:
    assert changed("set", f"messages.{'9' * 5000}.x", 1) == BODY
    with pytest.raises(ValueError, match="steps"):
        path_of("a." * 100 + "b")


def test_a_value_has_few_levels() -> None:
    value: Any = 1
    for _ in range(100):
        value = [value]
    with pytest.raises(ValueError, match="levels"):
        compiled(value)


def test_no_header_is_filled_with_a_whole_conversation() -> None:
    headers = {"x-a": "before"}
    change = HeaderOperation(op="set", name="x-a", value=template_of("{body.a}"))
    operate_headers(headers, [change], Occasion(body={"a": "x" * 10_000}))
    assert headers == {"x-a": "before"}
