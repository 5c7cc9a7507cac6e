"""The edits of an answer that is passed on as it came, and the answers of a token count."""

from __future__ import annotations

import json

import pytest

from dragoman.dialects.anthropic import DIALECT, read_count, write_count
from dragoman.dialects.base import Telling
from tests.dialects.anthropic.stage import BARE, HEARING, STREAMS, TELLING, TWINS, stream, whole

MODEL = b'"claude-opus-5-5-20260901"'


def edited(data: bytes, telling: Telling = TELLING, step: int = 1_000_000) -> bytes:
    """A stream after its edits, fed in steps of so many bytes."""
    editor = DIALECT.editor(HEARING, telling)
    assert editor
    fed = [editor.edit(data[start : start + step]) for start in range(0, len(data), step)]
    return b"".join(fed) + editor.close()


@pytest.mark.parametrize("name", STREAMS)
def test_with_bare_seals_only_the_models_name_is_edited(name: str) -> None:
    data = stream(name)
    assert edited(data, BARE) == data.replace(MODEL, b'"asked"', 1)
    assert edited(data, BARE, step=7) == edited(data, BARE)


@pytest.mark.parametrize("name", STREAMS)
@pytest.mark.parametrize("line_end", [b"\n", b"\r\n", b"\r"])
def test_seals_are_wrapped_and_no_other_byte_changes(name: str, line_end: bytes) -> None:
    data = stream(name).replace(b"\n", line_end)
    expected = data.replace(MODEL, b'"asked"', 1)
    for blob in (b"EqQBCgIYAhIM1gbcDa9GJwZA2b3h", b"EosnCkYICxIMMb3LzNrMu", b"EmwKAhgB"):
        expected = expected.replace(b'"' + blob, b'"dgm1.YWNtZQ.' + blob)
    assert edited(data) == expected
    assert edited(data, step=11) == expected


def test_an_unfinished_frame_is_kept_back_until_the_end() -> None:
    editor = DIALECT.editor(HEARING, TELLING)
    assert editor
    assert editor.edit(b'data: {"type":"ping"}\n\ndata: {"ty') == b'data: {"type":"ping"}\n\n'
    assert editor.close() == b'data: {"ty'


@pytest.mark.parametrize(
    "data",
    [
        b": comment\n\n",
        b"data: [DONE]\n\n",
        b"data: {broken\n\n",
        b'data: {"type":"message_start"}\n\n',
        b'data: {"type":"content_block_delta","delta":{"type":"signature_delta","signature":7}}\n\n',
        b'data: {"type":"content_block_delta","delta":{"type":"signature_delta","signature":""}}\n\n',
        b'data: {"type":"content_block_start","content_block":{"type":"redacted_thinking"}}\n\n',
        b'data: {"type":"content_block_start","content_block":{"signature":"a","signature":"b"}}\n\n',
        b'data: {"type":"content_block_delta","delta":' + b"[" * 90_000 + b"\n\n",
        b'data: {"type":"content_block_delta","delta":{"signature":"\xff"}}\n\n',
    ],
)
def test_frames_that_cannot_be_edited_pass_as_they_are(data: bytes) -> None:
    assert edited(data) == data


@pytest.mark.parametrize("name", TWINS)
def test_whole_answers_are_edited_alike(name: str) -> None:
    body = whole(name)
    bare = DIALECT.edit_reply(body, HEARING, BARE)
    assert bare == body.replace(MODEL, b'"asked"', 1)
    told = json.loads(DIALECT.edit_reply(body, HEARING, TELLING))
    before = json.loads(body)
    for block, original in zip(told["content"], before["content"], strict=True):
        for member in ("signature", "data"):
            if member in original:
                assert block[member] == "dgm1.YWNtZQ." + original[member]
                original[member] = block[member]
    assert told == before | {"model": "asked"}


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"content":7,"signature":1}', b'{"model":"a","model":"b"}'])
def test_whole_answers_that_cannot_be_edited_pass_as_they_are(body: bytes) -> None:
    assert DIALECT.edit_reply(body, HEARING, TELLING) in (body, body[:-1] + b',"model":"asked"}')


@pytest.mark.parametrize(
    ("body", "tokens"),
    [
        (b'{"input_tokens":2095}', 2095),
        (b'{"input_tokens":"x"}', None),
        (b"[]", None),
        (b"<html>", None),
        (b"\xff", None),
    ],
)
def test_pitfall_130_counts_are_read_and_written(body: bytes, tokens: int | None) -> None:
    assert read_count(body) == tokens
    assert read_count(write_count(7)) == 7
