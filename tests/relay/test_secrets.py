"""A channel's key never reaches a client or the record, not even where its upstream says it."""

from __future__ import annotations

import json

import pytest
from msgspec.structs import replace

from dragoman.canon.problem import Kind, Original, problem
from dragoman.relay.scrub import scrubbed, secrets_in
from tests.relay.stage import Listener, ScriptedAnswer, Stage, channel, play

KEY = "key-of-one"
PROVIDERS = {"anthropic": "anthropic-compatible", "openai_chat": "openai-compatible"}
ERROR = {"type": "error", "error": {"type": "invalid_request_error", "message": f"The key {KEY} is odd", "code": "odd"}}
TOLD = json.dumps(ERROR).encode()


def frame(data: object, name: str = "") -> bytes:
    """One frame of a stream."""
    return (f"event: {name}\n" if name else "").encode() + b"data: " + json.dumps(data).encode() + b"\n\n"


CONTENT = {
    "anthropic": frame({"type": "message_start", "message": {"id": "1", "model": "m", "usage": {}}}, "message_start")
    + frame(
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": "Hello"}},
        "content_block_start",
    ),
    "openai_chat": frame({"id": "1", "model": "m", "choices": [{"index": 0, "delta": {"content": "Hello"}}]}),
}
STREAM = "text/event-stream"


def answers(upstream: str) -> dict[str, list[bytes | float]]:
    """Where in an answer the error may stand."""
    error = frame(ERROR, "error")
    return {
        "at once": [error],
        "after content": [CONTENT[upstream], error],
        "in two reads": [CONTENT[upstream], error[:70], error[70:]],
    }


def heard_of(answer: ScriptedAnswer, door: str, upstream: str, *, stream: bool) -> Listener:
    """What a client hears of an answer."""
    stage = Stage({"one": [answer]}, channel("one", PROVIDERS[upstream]))
    messages = [{"role": "user", "content": "Hello"}]
    body = json.dumps({"model": "asked", "max_tokens": 100, "messages": messages, "stream": stream}).encode()
    return play(stage.ask(body, door))


@pytest.mark.parametrize("place", ["at once", "after content", "in two reads"])
@pytest.mark.parametrize("upstream", ["anthropic", "openai_chat"])
@pytest.mark.parametrize("door", ["anthropic", "openai_chat"])
def test_an_error_within_a_stream_is_told_without_the_key(door: str, upstream: str, place: str) -> None:
    heard = heard_of(ScriptedAnswer(answers(upstream)[place], content_type=STREAM), door, upstream, stream=True)
    assert "is odd" in heard.text
    assert KEY not in heard.text


@pytest.mark.parametrize("status", [200, 400, 404, 413, 422])
@pytest.mark.parametrize("upstream", ["anthropic", "openai_chat"])
@pytest.mark.parametrize("door", ["anthropic", "openai_chat"])
def test_a_refusal_is_told_without_the_key(door: str, upstream: str, status: int) -> None:
    heard = heard_of(ScriptedAnswer([TOLD], status, content_type="application/json"), door, upstream, stream=False)
    assert heard.text
    assert KEY not in heard.text


def test_a_probe_tells_a_refusal_without_the_key() -> None:
    probed = channel("one")
    stage = Stage({"one": [ScriptedAnswer([TOLD], 400, content_type="application/json")]}, probed)
    finding = play(stage.relay.probe(probed, "m"))
    assert "is odd" in finding.message
    assert KEY not in finding.message


def test_only_what_holds_a_secret_is_changed() -> None:
    found = problem(Kind.OVERLOADED, "Too much", evidence="e", original=Original("tongue", 529, b"{}"))
    assert scrubbed(found, (KEY,)) is found
    leaky = replace(found, message=f"Too {KEY}", evidence=KEY, original=Original("tongue", 529, KEY.encode()))
    assert scrubbed(leaky, (KEY,)) == replace(
        found, message="Too ***", evidence="***", original=Original("tongue", 529, b"***")
    )


def test_secrets_are_what_the_key_headers_hold() -> None:
    headers = {"authorization": "Bearer secret-one", "x-api-key": "secret-two", "api-key": "none", "accept": "anything"}
    assert secrets_in(headers) == ("secret-one", "secret-two")
