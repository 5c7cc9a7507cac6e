"""A fault of the gateway's own, anywhere in a dialect, stays its request's own, and is told as what it is (F81)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.canon.events import Event
from dragoman.canon.problem import Kind
from dragoman.dialects.base import Dialect, Hearing, Reader
from dragoman.providers.catalog import catalog
from dragoman.relay.prepare import Inquiry
from dragoman.relay.relay import Relay
from tests.faults.client import body_for
from tests.faults.heard import hear
from tests.faults.oracle import error_in
from tests.relay.stage import DIALECTS, Listener, ScriptedAnswer, Stage, inquiry, play

DOORS = ("anthropic", "openai_chat")


class OursError(RuntimeError):
    """What nobody had thought of."""


def failing(*_: Any, **__: Any) -> Any:
    """A function that fails."""
    raise OursError


class FailingLater:
    """A reader that fails on the third piece. Mutable, as readers are."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader
        self._pieces = 0

    def feed(self, data: bytes) -> list[Event]:
        self._pieces += 1
        return failing() if self._pieces == 3 else self._reader.feed(data)

    def close(self) -> list[Event]:
        return self._reader.close()


def chunk(**choice: Any) -> bytes:
    """A piece of a chat stream."""
    said = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {}, "finish_reason": None, **choice}]}
    return b"data: " + json.dumps(said).encode() + b"\n\n"


def answers() -> dict[str, list[ScriptedAnswer]]:
    """Two good answers of one upstream."""
    script = [chunk(delta={"content": words}) for words in ("one ", "two ", "three")] + [chunk(finish_reason="stop")]
    return {"a": [ScriptedAnswer(script, content_type="text/event-stream") for _ in "ab"]}


def stage_with(dialect: Dialect) -> Stage:
    """A stage whose relay has one dialect in another form."""
    stage = Stage(answers())
    stage.relay = Relay(
        transport=stage.transport,
        dialects={**DIALECTS, dialect.name: dialect},
        providers=catalog(),
        snapshot=stage.relay.snapshot,
        record=stage.exchanges.append,
        user_agent="dragoman/test",
    )
    return stage


def asked(door: str, *, stream: bool = True) -> Inquiry:
    """An ordinary request."""
    return inquiry(json.dumps(body_for(door, stream=stream, model="asked")).encode(), door)


def broken_reader(hearing: Hearing) -> Reader:
    """The chat reader, until it fails."""
    return FailingLater(DIALECTS["openai_chat"].reader(hearing))


BEFORE: dict[str, dict[str, Any]] = {
    "writing the request": {"write_request": failing},
    "beginning to read": {"reader": failing},
}
"""Parts of the upstream's dialect that fail before any content."""


@pytest.mark.parametrize("where", BEFORE)
def test_f81_a_fault_before_content_is_a_500_of_this_request_alone(where: str) -> None:
    dialect = replace(DIALECTS["openai_chat"], **BEFORE[where])
    stage, listener = stage_with(dialect), Listener()
    play(stage.relay.answer(asked("anthropic"), listener))
    assert listener.status == 500
    assert error_in("anthropic", listener.text.encode())["type"] == "api_error"
    assert "OursError" not in listener.text
    (exchange,) = stage.exchanges
    assert (exchange.problem, exchange.status) == (Kind.INTERNAL, 500)


def test_f81_a_fault_after_content_ends_the_stream_as_an_error() -> None:
    dialect = replace(DIALECTS["openai_chat"], reader=broken_reader)
    stage, listener = stage_with(dialect), Listener()
    play(stage.relay.answer(asked("anthropic"), listener))
    heard = hear("anthropic", listener.text.encode(), stream=True)
    assert heard.error is not None
    assert heard.error["type"] == "api_error"
    assert (heard.said, heard.stop, heard.ended) == ([("text", "", "one two ")], None, False)
    (exchange,) = stage.exchanges
    assert exchange.problem is Kind.INTERNAL
    assert [attempt.problem for attempt in exchange.attempts] == [Kind.INTERNAL]
    assert exchange.usage.output
    assert not exchange.usage.exact


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize("door", DOORS)
def test_f81_a_fault_in_telling_the_client_leaves_the_next_request_alone(door: str, stream: bool) -> None:
    request = asked(door, stream=stream)
    changed = {"editor": failing, "edit_reply": failing, "writer": failing, "write_reply": failing}
    stage, listener = Stage(answers()), Listener()
    play(stage.relay.answer(replace(request, door=replace(request.door, **changed)), listener))
    assert listener.status == 500
    assert stage.exchanges[0].problem is Kind.INTERNAL
    following = Listener()
    play(stage.relay.answer(asked(door, stream=stream), following))
    assert following.status == 200
