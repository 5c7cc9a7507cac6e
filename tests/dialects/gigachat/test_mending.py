"""What habits ask the reader to mend: calls that stand in the text, texts of files escaped twice, thinking in tags."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.habits import Habits
from dragoman.canon.reply import Reply, fold
from dragoman.canon.request import Loss, Tool
from dragoman.dialects.gigachat.leaks import Leaked, Leaks
from tests.dialects.gigachat.stage import HEARING, NEWER, asked, chunk, ending, events, function, gist, sse, write

SCHEMAS = {
    "Read": Raw(b'{"type":"object","properties":{"path":{"type":"string"},"limit":{"type":"integer"}}}'),
    "Write": Raw(b'{"type":"object","properties":{"path":{"type":"string"},"content":{"type":"string"}}}'),
}


def heard(*texts: str, finish: str = "stop", **habits: Any) -> tuple[Reply, list[str]]:
    """The reply that these pieces of text amount to, and what was not read as it came."""
    lost: list[Loss] = []
    hearing = replace(HEARING, habits=Habits(**habits), functions=SCHEMAS, lose=lost.append)
    stream = sse(*(chunk({"content": text}) for text in texts), chunk({"content": ""}, finish))
    return fold(events(stream, hearing)), [loss.what for loss in lost]


LEAKS: dict[str, tuple[str, list[tuple[str, str]]]] = {
    "invoke within tool_calls": (
        '<tool_calls>\n<invoke name="Read">\n<parameter name="path">a.py</parameter>\n<parameter name="limit">5'
        "</parameter>\n</invoke>\n</tool_calls>",
        [("Read", '{"path":"a.py","limit":5}')],
    ),
    "two within one": (
        '<tool_calls><invoke name="Read"><parameter name="path">a</parameter></invoke>'
        '<invoke name="Read"><parameter name="path">b</parameter></invoke></tool_calls>',
        [("Read", '{"path":"a"}'), ("Read", '{"path":"b"}')],
    ),
    "alone": ('<invoke name="Read"><parameter name="path">a</parameter></invoke>', [("Read", '{"path":"a"}')]),
    "translated": (
        "< أداة:Read > < аргумент:path >ёж</аргумент> </أداة:Read>",
        [("Read", '{"path":"ёж"}')],
    ),
    "translated with attributes": (
        '<вызовы><вызов имя="Read"><параметр имя="path">a</параметр></вызов></вызовы>',
        [("Read", '{"path":"a"}')],
    ),
    "arguments as tags": ('<invoke name="Read"><path>a</path></invoke>', [("Read", '{"path":"a"}')]),
    "arguments as JSON": ('<invoke name="Read">{"path": "a"}</invoke>', [("Read", '{"path": "a"}')]),
    "an object": (
        '<tool_call>{"name": "Read", "arguments": {"path": "a"}}</tool_call>',
        [("Read", '{"path":"a"}')],
    ),
    "a list": (
        '<tool_calls>[{"name": "Read", "parameters": {"path": "a"}}]</tool_calls>',
        [("Read", '{"path":"a"}')],
    ),
    "a value that is not of its type": (
        '<invoke name="Read"><limit>all</limit></invoke>',
        [("Read", '{"limit":"all"}')],
    ),
    "no arguments": ('<invoke name="Read"></invoke>', [("Read", "{}")]),
    "markup in a value": (
        '<invoke name="Write"><parameter name="content">\n<b>x</b> < y\n</parameter></invoke>',
        [("Write", '{"content":"<b>x</b> < y"}')],
    ),
    "the wrapper's end missing": (
        '<tool_calls><invoke name="Read"><path>a</path></invoke>',
        [("Read", '{"path":"a"}')],
    ),
}


@pytest.mark.parametrize("case", LEAKS)
@pytest.mark.parametrize("size", [1, 3, 1000])
def test_a_call_in_the_text_is_a_call(case: str, size: int) -> None:
    text, calls = LEAKS[case]
    told = f"Сейчас: {text}\n"
    reply, lost = heard(*(told[at : at + size] for at in range(0, len(told), size)), leaked_calls=True)
    assert gist(reply) == [("text", "Сейчас: "), *(("call", *call) for call in calls)]
    assert ending(reply) == "tool_calls"
    assert set(lost) == {"answer.leaked_call"}


PROSE = [
    "a < b and c > d",
    "<div>hello</div>",
    "<ul><li>x</li></ul>",
    '<invoke name="Unknown"><path>a</path></invoke>',
    '<invoke name="Read"><unknown>a</unknown></invoke>',
    '<invoke name="Read">words</invoke>',
    '<invoke name="Read"><path>cut',
    '<tool_calls><invoke name="Read"><path>cut',
    "<tool_calls>",
    '<tool_call>{"name": "Unknown", "arguments": {}}</tool_call>',
    '<tool_call>{"name": "Read", "arguments": 5}</tool_call>',
    "<tool_call>{broken}</tool_call>",
    '<tool_call>{"name": "Read"',
    '<invoke name="Read">{"other": 1}</invoke>',
    '<invoke name="Read">{broken</invoke>',
    "< أداة:ويب_بحث > < أرغومنت:طلب >Фея</أرغومنت> </أداة:ويب_بحث>",
    "x <",
    "<a><b><c><d>",
]


@pytest.mark.parametrize("text", PROSE)
@pytest.mark.parametrize("size", [1, 1000])
def test_what_is_no_call_stays_text(text: str, size: int) -> None:
    reply, lost = heard(*(text[at : at + size] for at in range(0, len(text), size)), leaked_calls=True)
    assert gist(reply) == [("text", text)]
    assert lost == []


def test_a_call_in_the_text_is_text_unless_the_habit_asks() -> None:
    text, _ = LEAKS["alone"]
    assert gist(heard(text)[0]) == [("text", text)]


MARKUP = st.lists(
    st.sampled_from(
        ["<", ">", "/", "tool_calls", "invoke", ' name="Read"', "path", "a", " ", "\n", "{", "}", '"', ":"]
    ),
    max_size=20,
).map("".join)


@given(st.one_of(MARKUP, st.sampled_from([text for text, _ in LEAKS.values()] + PROSE)), st.integers(1, 9))
@settings(max_examples=150)
def test_any_pieces_give_the_same_and_nothing_is_lost(text: str, size: int) -> None:
    whole, piecewise = Leaks(SCHEMAS), Leaks(SCHEMAS)
    at_once = [*whole.feed(text), *whole.close()]
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    gathered = [each for piece in pieces for each in piecewise.feed(piece)] + piecewise.close()
    assert [each for each in gathered if isinstance(each, Leaked)] == [
        each for each in at_once if isinstance(each, Leaked)
    ]
    assert _words(gathered) == _words(at_once)
    if not any(isinstance(each, Leaked) for each in at_once):
        assert _words(at_once) == text


def _words(found: list[str | Leaked]) -> str:
    return "".join(each for each in found if isinstance(each, str))


def test_a_reader_is_told_what_was_offered_only_where_it_looks() -> None:
    tools = (Tool("Read", "Reads.", SCHEMAS["Read"]),)
    assert write(asked(tools=tools), NEWER)[1].functions == {}
    assert write(asked(tools=tools), NEWER, leaked_calls=True)[1].functions == {"Read": SCHEMAS["Read"]}


ESCAPES: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "line ends": ({"content": "a\\nb"}, {"content": "a\nb"}),
    "quotes": ({"content": 'x = \\"a\\"'}, {"content": 'x = "a"'}),
    "both": ({"old_string": 'print(\\"a\\\\n\\")\\nb'}, {"old_string": 'print("a\\n")\nb'}),
    "a bare quote": ({"content": 'print("a\\n")'}, {"content": 'print("a\\n")'}),
    "a line end of its own": ({"content": 'print(\\"\\n\\")\n'}, {"content": 'print(\\"\\n\\")\n'}),
    "no escape": ({"content": "a\\d"}, {"content": "a\\d"}),
    "no text of a file": ({"pattern": "a\\nb"}, {"pattern": "a\\nb"}),
    "nothing": ({"content": "a\nb"}, {"content": "a\nb"}),
}


@pytest.mark.parametrize("case", ESCAPES)
def test_texts_of_files_are_escaped_once(case: str) -> None:
    given_, meant = ESCAPES[case]
    lost: list[Loss] = []
    stream = sse(chunk(function("Write", given_), "function_call"))
    for is_asked in (True, False):
        hearing = replace(HEARING, habits=Habits(overescaped=is_asked), lose=lost.append)
        ((_, _, arguments),) = gist(fold(events(stream, hearing)))
        assert json.loads(arguments) == (meant if is_asked else given_)
    assert [loss.what for loss in lost] == (["answer.overescaped"] if meant != given_ else [])


def test_arguments_that_are_no_object_are_left_alone() -> None:
    hearing = replace(HEARING, habits=Habits(overescaped=True))
    stream = sse(chunk(function("Write", 'broken \\\\n "'), "function_call"))
    assert gist(fold(events(stream, hearing))) == [("call", "Write", 'broken \\\\n "')]


@pytest.mark.parametrize("size", [1, 4, 1000])
def test_thinking_in_tags_is_thinking_where_the_habit_says_so(size: int) -> None:
    text = '<think>Надо подумать.</think>\nОтвет: <invoke name="Read"><path>a</path></invoke>'
    pieces = [text[at : at + size] for at in range(0, len(text), size)]
    reply, _ = heard(*pieces, think_tags=True, leaked_calls=True)
    assert gist(reply) == [("thinking", "Надо подумать."), ("text", "Ответ: "), ("call", "Read", '{"path":"a"}')]
    assert gist(heard(*pieces)[0]) == [("text", text)]
    assert gist(heard("<think>ends here", think_tags=True)[0]) == [("thinking", "ends here")]
    assert gist(heard("<thi", think_tags=True, leaked_calls=True)[0]) == [("text", "<thi")]
