"""The one edit on an answer that passes word for word."""

from __future__ import annotations

from dragoman.dialects.gemini import DIALECT
from tests.dialects.gemini.stage import BARE, HEARING, TELLING, read, scene

SCENE = scene("calls-two-tools.sse")


def test_seals_are_wrapped_and_nothing_else_is_touched() -> None:
    editor = DIALECT.editor(HEARING, TELLING)
    assert editor is not None
    edited = b"".join(editor.edit(SCENE[place : place + 7]) for place in range(0, len(SCENE), 7)) + editor.close()
    assert edited != SCENE
    assert edited.replace(_wrapped(edited), b"EsYCCsMCAb4+9vv1Kq0cZk3m") == SCENE
    body = DIALECT.edit_reply(scene("calls-two-tools.whole.json"), HEARING, TELLING)
    assert _wrapped(body) == _wrapped(edited)


def _wrapped(data: bytes) -> bytes:
    return data.partition(b'"thoughtSignature": "')[2].partition(b'"')[0]


def test_a_wrapped_seal_comes_back_as_it_was() -> None:
    signature = _wrapped(DIALECT.edit_reply(SCENE, HEARING, TELLING)).decode()
    part = {"functionCall": {"name": "Read", "args": {}}, "thoughtSignature": signature}
    (returned,) = read({"contents": [{"role": "model", "parts": [part]}]}).turns[0].parts
    assert returned.seal is not None
    assert (returned.seal.origin, returned.seal.blob) == ("gem", "EsYCCsMCAb4+9vv1Kq0cZk3m")


def test_where_seals_leave_as_they_are_nothing_is_edited() -> None:
    assert DIALECT.editor(HEARING, BARE) is None
    assert DIALECT.edit_reply(SCENE, HEARING, BARE) == SCENE
