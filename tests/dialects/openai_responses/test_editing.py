"""Answers that pass word for word, but for the model's name and the seals."""

from __future__ import annotations

import json

import pytest

from dragoman.canon.seal import unwrap
from dragoman.dialects.base import Telling
from dragoman.dialects.openai_responses import DIALECT
from tests.dialects.openai_responses.stage import BEGUN, HEARING, ORIGIN, TELLING, Json, response, scene, sse

BARE = Telling(model="m", exchange_id="x", created_s=1, bare_seals=True)
REASONING = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": "sealed"}


def edited(stream: bytes, telling: Telling = TELLING) -> bytes:
    editor = DIALECT.editor(HEARING, telling)
    assert editor is not None
    return editor.edit(stream[:100]) + editor.edit(stream[100:]) + editor.close()


def datas(stream: bytes) -> list[Json]:
    return [json.loads(line[5:]) for line in stream.split(b"\n") if line.startswith(b"data:")]


def test_the_model_is_called_as_the_client_called_it_and_all_else_is_as_it_was() -> None:
    stream = scene("streams/refuses.sse")
    assert edited(stream) == stream.replace(b'"model": "gpt-5.5-2026-04-23"', b'"model": "asked"')


def test_seals_name_their_issuer_wherever_they_stand() -> None:
    stream = scene("streams/thinks_then_calls_twice.sse")
    found = datas(edited(stream))
    item = next(said["item"] for said in found if said["type"] == "response.output_item.done")
    assert unwrap(item["encrypted_content"]).origin == ORIGIN
    assert found[-1]["response"]["output"][0] == item
    assert len(found) == len(datas(stream))


def test_nothing_is_edited_where_nothing_needs_it() -> None:
    stream = sse(BEGUN, {"type": "response.output_item.done", "output_index": 0, "item": REASONING})
    assert edited(stream, BARE) == stream
    plain = sse({"type": "response.output_item.done", "item": {"encrypted_content": None}})
    assert edited(plain) == plain


@pytest.mark.parametrize(
    "frame",
    [
        b'data: {"response":3}\n\n',
        b'data: {"response":{"output":3,"model":"n","x":"\\"encrypted_content\\""}\n\n',
        b'data: {"item":{"encrypted_content":3}}\n\n',
        b'data: {"novel":{"encrypted_content":"s"}}\n\n',
        b': "response":\n\n',
    ],
)
def test_what_cannot_be_read_passes_as_it_is(frame: bytes) -> None:
    assert edited(frame) == frame


def test_line_ends_stay_as_they_were() -> None:
    stream = sse(BEGUN).replace(b"\n", b"\r\n")
    assert edited(stream).count(b"\r\n") == stream.count(b"\r\n")
    assert b'"model": "asked"' in edited(stream) or b'"model":"asked"' in edited(stream)


def test_a_whole_answer_is_edited_alike() -> None:
    body = json.dumps(response("completed", REASONING)).encode()
    found = json.loads(DIALECT.edit_reply(body, HEARING, TELLING))
    assert found["model"] == "asked"
    assert unwrap(found["output"][0]["encrypted_content"]).origin == ORIGIN
    assert DIALECT.edit_reply(body, HEARING, BARE) == body
    assert DIALECT.edit_reply(b"[]", HEARING, TELLING) == b"[]"
