"""Edits of a body: the named members change, and not a byte beside them."""

from __future__ import annotations

import pytest

from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.splice import check_once, members, splice


@pytest.mark.parametrize(
    ("body", "edits", "after"),
    [
        (b'{"a":1,"b":2}', {}, b'{"a":1,"b":2}'),
        (b'{"a":1,"b":2}', {"a": b"9"}, b'{"a":9,"b":2}'),
        (b'{ "a" : 1 ,\n "b" : 2 }', {"b": b'"x"'}, b'{ "a" : 1 ,\n "b" : "x" }'),
        (b'{"a":1,"b":2,"c":3}', {"a": None}, b'{"b":2,"c":3}'),
        (b'{"a":1, "b":2, "c":3}', {"b": None}, b'{"a":1, "c":3}'),
        (b'{"a":1,"b":2}', {"b": None}, b'{"a":1}'),
        (b'{"a":1}', {"a": None}, b"{}"),
        (b'{"a":1}', {"a": None, "z": b"0"}, b'{"z":0}'),
        (b"{}", {"z": b"0", "y": b"1"}, b'{"z":0,"y":1}'),
        (b" {  } \n", {"z": b"0"}, b' {"z":0  } \n'),
        (b'{"a":1}', {"z": None}, b'{"a":1}'),
        (b'{"\\u0061":1}', {"a": b"2"}, b'{"\\u0061":2}'),
        (b'{"a":"}\\"{,"}', {"q\n": b"0"}, b'{"a":"}\\"{,","q\\n":0}'),
        (b'{"a":1' + b" " * 100 + b',"b":2}', {"b": b"3"}, b'{"a":1' + b" " * 100 + b',"b":3}'),
    ],
)
def test_an_edit(body: bytes, edits: dict[str, bytes | None], after: bytes) -> None:
    assert splice(body, edits) == after


@pytest.mark.parametrize(
    "body",
    [
        b'{"a":1,"a":1}',
        b'{"a":1,"a":2}',
        b'{"a":1,"b":2,"a":333}',
        b'{"a":"long enough","a":1}',
        b'{"a":12,"a":1}',
        b'{"a":1,"a":12}',
        b'{"\\u0061":1,"a":1}',
        b'{"a":{"x":1,"y":2},"a":"abcd"}',
        b'{"a":{"x":1,"model":"zz"},"a":"abcd","model":"real"}',
        b'{"model":{"a":1,"model":"free"} ,"a":1,"model":"f"}',
    ],
)
def test_a_member_that_stands_twice_is_refused(body: bytes) -> None:
    with pytest.raises(Trouble, match="stands twice") as raised:
        check_once(body)
    assert raised.value.problem.kind is Kind.INVALID_REQUEST


@pytest.mark.parametrize(
    ("body", "words"),
    [
        (b"", "is not one"),
        (b"[1]", "is not one"),
        (b'{"a":1', "is not one"),
        (b'{"a":NaN}', "is not one"),
        (b'{"a":1}{"b":2}', "is not one"),
        (b'{"a\xff":1}', "not UTF-8"),
        (b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", "nested deeper"),
    ],
)
def test_what_is_no_object_is_refused_in_words(body: bytes, words: str) -> None:
    with pytest.raises(Trouble, match=words) as raised:
        members(body)
    assert raised.value.problem.status == 400


def test_pitfall_021_half_a_character_neither_moves_nor_changes_what_stands_beside_it() -> None:
    body = rb'{"model":"a","text":"lone \ud800 half, a pair \ud83d\ude00 and \\ud800","n":1}'

    assert splice(body, {"model": b'"b"'}) == body.replace(b'"a"', b'"b"')
