"""The few edits on an answer that otherwise passes word for word."""

from __future__ import annotations

import json
from typing import Any

from dragoman.canon.seal import unwrap
from dragoman.dialects.base import Telling
from dragoman.dialects.openai_chat import DIALECT
from tests.dialects.openai_chat.wire import HEARING, ORIGIN, TELLING, chunk, scene, sse

BARE = Telling(model="asked", exchange_id="x", created_s=1, bare_seals=True)
SAME = Telling(model="m", exchange_id="x", created_s=1, bare_seals=True)


def edited(stream: bytes, telling: Telling = TELLING, size: int | None = None) -> bytes:
    editor = DIALECT.editor(HEARING, telling)
    assert editor is not None
    pieces = [stream[at : at + size] for at in range(0, len(stream), size)] if size else [stream]
    return b"".join([*[editor.edit(piece) for piece in pieces], editor.close()])


def test_pitfall_131_the_model_is_named_as_it_was_asked_for() -> None:
    stream = sse(chunk({"content": 'he said "model":"m" and {"model":"m"}'}), chunk({}, "stop"))
    found = edited(stream)
    assert found == stream.replace(b'"model": "m"', b'"model": "asked"')
    assert b'\\"model\\":\\"m\\"' in found


def test_any_slices_give_the_same_bytes() -> None:
    stream = scene("streams/openrouter_signs_its_thinking.sse")
    whole = edited(stream)
    assert all(edited(stream, size=size) == whole for size in (1, 2, 7, 100))


def test_a_model_of_the_same_name_needs_no_edit() -> None:
    stream = sse(chunk({"content": "hi"}))
    assert edited(stream, SAME) == stream


def test_a_model_that_was_not_named_at_first_is_replaced_later() -> None:
    stream = sse(chunk({"content": "hi"}, model=""), chunk({"content": "hi"}))
    assert edited(stream, size=1).count(b'"asked"') == 1


def test_signatures_are_wrapped_with_their_issuer() -> None:
    stream = scene("streams/openrouter_signs_its_thinking.sse").replace(b"\n", b"\r\n")
    found = edited(stream)
    assert b'"signature":"EpAC"' not in found
    lines = [line for line in found.split(b"\r\n") if b'"signature"' in line]
    entry = json.loads(lines[0].removeprefix(b"data: "))["choices"][0]["delta"]["reasoning_details"][0]
    assert unwrap(entry["signature"]).origin == ORIGIN
    assert unwrap(entry["signature"]).blob == "EpAC"
    assert found.startswith(b": OPENROUTER PROCESSING\r\n")


def test_bare_signatures_pass() -> None:
    assert b'"signature":"EpAC"' in edited(scene("streams/openrouter_signs_its_thinking.sse"), BARE)


def whole(**message: Any) -> bytes:
    return json.dumps({"id": "c", "model": "m", "choices": [{"index": 0, "message": message}], "novel": 1}).encode()


def test_a_whole_answer_is_edited_alike() -> None:
    hidden = {"type": "reasoning.encrypted", "data": "xyz"}
    plain = {"type": "reasoning.text", "text": "hm", "signature": None}
    body = whole(content="hi", reasoning_details=[hidden, plain])
    found = json.loads(DIALECT.edit_reply(body, HEARING, TELLING))
    assert found["model"] == "asked"
    assert found["novel"] == 1
    entries = found["choices"][0]["message"]["reasoning_details"]
    assert unwrap(entries[0]["data"]).blob == "xyz"
    assert entries[1] == plain
    bare = json.loads(DIALECT.edit_reply(body, HEARING, BARE))
    assert bare["choices"][0]["message"]["reasoning_details"] == [hidden, plain]


def test_what_cannot_be_read_is_left_as_it_is() -> None:
    assert DIALECT.edit_reply(b"<html>", HEARING, TELLING) == b"<html>"
    odd = b'{"model":"asked","choices":[{"message":{"reasoning_details":3}}]}'
    assert DIALECT.edit_reply(odd, HEARING, TELLING) == odd
