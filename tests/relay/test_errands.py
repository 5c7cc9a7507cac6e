"""Errands on a scripted network: what passes as it is, what is told in another dialect, and what is recorded."""

from __future__ import annotations

import base64
import json
from array import array
from typing import Any

import msgspec
import pytest

from dragoman.canon.multipart import field_text
from dragoman.canon.operations import HeaderOperation
from dragoman.canon.templates import template_of
from dragoman.relay.prepare import Inquiry
from dragoman.routing.snapshot import Channel
from dragoman.web.doors import DOORS, KIN
from dragoman.web.errands import read_errand
from dragoman.web.routes import Door
from tests.relay.stage import DIALECTS, Listener, ScriptedAnswer, Stage, broken, channel, play

CHAT, GOOGLE, SBER, CLAUDE = "openai-compatible", "gemini", "gigachat", "anthropic"
JSON_TYPE = "application/json"
FORM = 'multipart/form-data; boundary="x--y"'


def asked(route: str, body: bytes, content_type: str = JSON_TYPE, model: str = "") -> Inquiry:
    """An inquiry at the door of an errand."""
    door = Door(DOORS[route], model)
    dialect = DIALECTS[door.route.dialect]
    kin = KIN.get(dialect.name, frozenset((dialect.name,)))
    headers = {"content-type": content_type}
    request, errand = read_errand(door, dialect, kin, headers, body)
    return Inquiry(id="dgm_test", door=dialect, body=body, request=request, errand=errand, headers=headers)


def hear(stage: Stage, inquiry: Inquiry) -> Listener:
    """What a client hears of an errand."""
    listener = Listener()
    play(stage.relay.answer(inquiry, listener))
    return listener


def answered(body: object, content_type: str = JSON_TYPE, status: int = 200) -> ScriptedAnswer:
    """An upstream's whole answer."""
    said = body if isinstance(body, bytes) else json.dumps(body).encode()
    return ScriptedAnswer([said], status, content_type=content_type)


def sent(stage: Stage, place: int = 0) -> Any:
    """The JSON that reached an upstream."""
    return json.loads(stage.transport.calls[place].body)


def embeddings(**members: object) -> Inquiry:
    """A wish for vectors at OpenAI's door."""
    return asked("POST /v1/embeddings", json.dumps({"model": "asked", "input": ["a", "b"], **members}).encode())


OPENAI_VECTORS = {
    "object": "list",
    "model": "m",
    "data": [
        {"object": "embedding", "index": 1, "embedding": [0.5, 2.0]},
        {"object": "embedding", "index": 0, "embedding": [1.0, -0.25]},
    ],
    "usage": {"prompt_tokens": 7, "total_tokens": 7},
}
GOOGLE_VECTORS = {"embeddings": [{"values": [1.0, -0.25]}, {"values": [0.5, 2.0]}]}
SBER_VECTORS = {
    "object": "list",
    "model": "Embeddings",
    "data": [
        {"object": "embedding", "index": 0, "embedding": [1.0, -0.25], "usage": {"prompt_tokens": 3}},
        {"object": "embedding", "index": 1, "embedding": [0.5, 2.0], "usage": {"prompt_tokens": 4}},
    ],
}


def test_vectors_of_the_same_dialect_pass_as_they_are_but_for_the_models_name() -> None:
    stage = Stage({"one": [answered(OPENAI_VECTORS)]})
    heard = hear(stage, embeddings(encoding_format="base64", novelty={"a": 1}))

    call = stage.transport.calls[0]
    assert call.url.endswith("/v1/embeddings")
    assert sent(stage) == {"model": "m", "input": ["a", "b"], "encoding_format": "base64", "novelty": {"a": 1}}
    assert json.loads(heard.text) == OPENAI_VECTORS
    assert heard.headers["x-dragoman-mode"] == "verbatim"
    exchange = stage.exchanges[0]
    assert (exchange.usage.input, exchange.usage.output, exchange.usage.exact) == (7, 0, True)
    assert (exchange.finish, exchange.problem, exchange.attempts[0].edits) == ("end", None, ("model",))


@pytest.mark.parametrize(
    ("provider", "answer", "path", "tokens"),
    [
        (GOOGLE, GOOGLE_VECTORS, "/models/m:batchEmbedContents", 0),
        (SBER, SBER_VECTORS, "/embeddings", 7),
    ],
)
def test_vectors_come_from_other_dialects_too(provider: str, answer: object, path: str, tokens: int) -> None:
    stage = Stage({"one": [answered(answer)]}, channel("one", provider))
    heard = hear(stage, embeddings(dimensions=2, user="me"))

    assert heard.status == 200, heard.text
    told = json.loads(heard.text)
    assert [each["embedding"] for each in told["data"]] == [[1.0, -0.25], [0.5, 2.0]]
    assert [each["index"] for each in told["data"]] == [0, 1]
    assert (told["model"], told["usage"]["prompt_tokens"]) == ("asked", tokens)
    assert stage.transport.calls[0].url.endswith(path)
    assert "a" in stage.transport.calls[0].body.decode()
    losses = [loss.what for loss in stage.exchanges[0].losses]
    assert losses == (["dimensions"] if provider == SBER else [])


def test_vectors_are_packed_for_a_client_that_wants_them_so() -> None:
    stage = Stage({"one": [answered(GOOGLE_VECTORS)]}, channel("one", GOOGLE))
    heard = hear(stage, embeddings(encoding_format="base64"))

    first = array("f", base64.b64decode(json.loads(heard.text)["data"][0]["embedding"]))
    assert first.tolist() == [1.0, -0.25]


@pytest.mark.parametrize("provider", [GOOGLE, CHAT])
def test_a_client_of_gemini_gets_its_own_shape(provider: str) -> None:
    batch = {"requests": [{"model": "models/asked", "content": {"parts": [{"text": text}]}} for text in "ab"]}
    answer = GOOGLE_VECTORS if provider == GOOGLE else OPENAI_VECTORS
    stage = Stage({"one": [answered(answer)]}, channel("one", provider))
    route = "POST /v1beta/models/{model}:batchEmbedContents"
    heard = hear(stage, asked(route, json.dumps(batch).encode(), model="asked"))

    assert json.loads(heard.text) == GOOGLE_VECTORS
    if provider == GOOGLE:
        assert [each["model"] for each in sent(stage)["requests"]] == ["models/m", "models/m"]
    else:
        assert sent(stage) == {"model": "m", "input": ["a", "b"]}


def test_one_vector_is_one() -> None:
    one = {**OPENAI_VECTORS, "data": [{"index": 0, "embedding": base64.b64encode(array("f", [2.0])).decode()}]}
    stage = Stage({"one": [answered(one)]})
    body = {"content": {"parts": [{"text": "a"}, {"text": "b"}]}, "output_dimensionality": 1, "taskType": "X"}
    route = "POST /v1beta/models/{model}:embedContent"
    heard = hear(stage, asked(route, json.dumps(body).encode(), model="asked"))

    assert json.loads(heard.text) == {"embedding": {"values": [2.0]}}
    assert sent(stage) == {"model": "m", "input": ["ab"], "dimensions": 1}
    assert [loss.what for loss in stage.exchanges[0].losses] == ["taskType"]


@pytest.mark.parametrize("answer", [{"data": []}, {"oops": 1}, [], b"<html>"])
def test_what_is_no_answer_to_a_wish_for_vectors_is_an_error(answer: object) -> None:
    script = [answered(answer), answered(answer)]
    stage = Stage({"one": script}, channel("one", SBER))
    heard = hear(stage, embeddings())

    assert heard.status == 502
    assert json.loads(heard.text)["error"]["code"] == "upstream_garbled"


def speech(*channels: Channel, **answers: list[ScriptedAnswer]) -> Stage:
    """A stage for spoken answers."""
    return Stage(answers, *channels)


SPOKEN = asked("POST /v1/audio/speech", b'{"model": "asked", "input": "Hi", "voice": "alloy"}')


def test_bytes_pass_as_they_come() -> None:
    pieces = [b"ID3\x00\xff", b"\n\n\x00", b"end"]
    stage = speech(one=[ScriptedAnswer(pieces, content_type="audio/mpeg")])
    heard = hear(stage, SPOKEN)

    assert heard.headers["content-type"] == "audio/mpeg"
    assert [data for _, data in heard.heard] == pieces
    assert heard.ended
    assert sent(stage)["model"] == "m"
    assert stage.exchanges[0].finish == "end"


def test_bytes_that_break_off_are_cut_and_never_end_well() -> None:
    stage = speech(one=[ScriptedAnswer([b"ID3", broken()], content_type="audio/mpeg")])
    heard = hear(stage, SPOKEN)

    assert (heard.ended, heard.dropped) == (False, True)
    assert stage.exchanges[0].finish is None
    assert stage.exchanges[0].problem == "cut_short"


def test_an_errand_that_fails_goes_to_the_next_channel() -> None:
    stage = speech(
        channel("one"),
        channel("two"),
        one=[answered({"error": {"message": "busy"}}, status=503)],
        two=[ScriptedAnswer([b"RIFF"], content_type="audio/wav")],
    )
    heard = hear(stage, SPOKEN)

    assert heard.status == 200
    assert heard.headers["x-dragoman-channel"] == "two"
    assert [attempt.problem for attempt in stage.exchanges[0].attempts] == ["overloaded", None]


def test_an_errand_that_cannot_be_looked_into_is_refused_where_a_header_needs_it() -> None:
    looking = HeaderOperation(op="set", name="x-user", value=template_of("{body.user}"))
    stage = Stage({"one": [answered(OPENAI_VECTORS)]}, channel("one", header=(looking,)))
    body = b'{"model": "asked", "input": ["a"], "extra": 1e999}'
    heard = hear(stage, asked("POST /v1/embeddings", body))

    assert heard.status == 400
    assert "numbers too large" in heard.text


def test_only_channels_that_can_are_asked() -> None:
    stage = speech(
        channel("one", CLAUDE), channel("two"), one=[], two=[ScriptedAnswer([b"RIFF"], content_type="audio/wav")]
    )
    heard = hear(stage, SPOKEN)

    assert heard.headers["x-dragoman-channel"] == "two"


@pytest.mark.parametrize("provider", [CLAUDE, GOOGLE, SBER])
def test_where_no_channel_can_the_client_is_told_so(provider: str) -> None:
    stage = speech(channel("one", provider), one=[])
    heard = hear(stage, SPOKEN)

    assert heard.status == 400
    error = json.loads(heard.text)["error"]
    assert "/audio/speech" in error["message"]
    assert error["param"] == "model"


def form(model: str) -> bytes:
    """A recording to be written down."""
    return (
        b'--x--y\r\nContent-Disposition: form-data; name="file"; filename="model.wav"\r\n'
        b"Content-Type: audio/wav\r\n\r\n"
        b"RIFF\x00\xff--x-\r\n\r\n"
        b'\r\n--x--y\r\nContent-Disposition: form-data; name="model"\r\n\r\n' + model.encode() + b"\r\n--x--y--\r\n"
    )


def test_a_form_passes_with_the_models_name_changed() -> None:
    stage = Stage({"one": [answered({"text": "hello", "usage": {"prompt_tokens": 12, "completion_tokens": 3}})]})
    heard = hear(stage, asked("POST /v1/audio/transcriptions", form("asked"), FORM))

    call = stage.transport.calls[0]
    assert heard.status == 200
    assert call.headers["content-type"] == FORM
    assert call.body == form("m")
    assert field_text(call.body, FORM, "model") == "m"
    assert (stage.exchanges[0].usage.input, stage.exchanges[0].usage.output) == (12, 3)


def test_a_model_that_goes_without_saying_is_not_put_into_the_body() -> None:
    inquiry = asked("POST /v1/moderations", b'{"input": "Hi"}')

    assert inquiry.request.model == "omni-moderation-latest"
    stage = Stage({"one": [answered({"results": []})]})
    stage.relay.snapshot = msgspec.structs.replace(stage.relay.snapshot, profiles=())
    hear(stage, inquiry)
    assert stage.transport.calls[0].body == inquiry.body


COMPACTED = {
    "id": "resp_1",
    "object": "response.compaction",
    "output": [{"type": "compaction", "id": "cmp_1", "encrypted_content": "opaque"}],
    "usage": {"input_tokens": 90, "output_tokens": 9, "total_tokens": 99},
}


def conversation(seal: str = "") -> bytes:
    """A conversation to be made short, perhaps with a sealed thought in it."""
    thought = {"type": "reasoning", "id": "rs_1", "summary": [], "encrypted_content": seal}
    said = [{"role": "user", "content": "Hi"}, *([thought] if seal else [])]
    return json.dumps({"model": "asked", "input": said}).encode()


COMPACT = "POST /v1/responses/compact"


def test_a_conversation_made_short_names_the_issuer_of_its_seal_and_comes_back_bare() -> None:
    two = (channel("one", "responses-compatible"), channel("two", "responses-compatible"))
    stage = Stage({"one": [answered(COMPACTED), answered(COMPACTED)], "two": []}, *two)
    heard = hear(stage, asked(COMPACT, conversation()))

    wrapped = json.loads(heard.text)["output"][0]["encrypted_content"]
    assert wrapped != "opaque"
    assert stage.transport.calls[0].url.endswith("/v1/responses/compact")
    assert (stage.exchanges[0].usage.input, stage.exchanges[0].usage.output) == (90, 9)
    hear(stage, asked(COMPACT, conversation(wrapped)))
    assert sent(stage, 1)["input"][1]["encrypted_content"] == "opaque"
    assert sent(stage, 1)["model"] == "m"


@pytest.mark.parametrize("provider", [CHAT, CLAUDE, GOOGLE])
def test_no_upstream_of_another_dialect_is_asked_to_make_it_short(provider: str) -> None:
    stage = Stage({"one": []}, channel("one", provider))
    heard = hear(stage, asked(COMPACT, conversation()))

    assert heard.status == 400
    assert "/responses/compact" in json.loads(heard.text)["error"]["message"]
