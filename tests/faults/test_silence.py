"""Upstreams that are slow or silent, longer than a client waits without a sign; and those that never stop."""

from __future__ import annotations

import pytest

from dragoman.canon.problem import Kind
from dragoman.relay.attempt import HELD_BYTES, STREAM_BYTES
from dragoman.routing.snapshot import Timeouts
from tests.faults.client import PAIRS, ask
from tests.faults.gateway import Served, channel
from tests.faults.heard import hear, meant
from tests.faults.vendor import ANSWER, Vendor
from tests.relay.stage import ScriptedAnswer, Stage, play

AWAKE = [(door, upstream) for door, upstream in PAIRS if door != "gemini"]
"""Doors that have a way to keep a client awake."""
LONGER_THAN_QUIET = Timeouts(connect_s=30.0, first_content_s=22.0, idle_s=22.0)
"""Past the 15 s after which a client is sent signs of life, in the gateway's hurried seconds."""


def error_type(door: str, kind: str) -> str:
    """The word of a door for an error in a stream."""
    return kind if door == "anthropic" else "server_error"


@pytest.mark.slow
@pytest.mark.parametrize("key", ["F12", "F13", "F14", "F54"])
@pytest.mark.parametrize(("door", "upstream"), AWAKE)
def test_f12_f54_a_client_is_kept_awake_and_then_told(swift: Served, door: str, upstream: str, key: str) -> None:
    with Vendor() as vendor:
        swift.stand(channel("only", upstream, vendor.url, timeouts=LONGER_THAN_QUIET))
        vendor.fault(key, wait_s=0.02)
        told = ask(swift.port, door, stream=True)
        assert (told.status, told.proper) == (200, True)
        heard = hear(door, told.body, stream=True)
        assert heard.pings >= 1
        assert heard.error is not None
        assert heard.error["type"] == error_type(door, "timeout_error")
        assert (heard.stop, heard.ended, heard.odd) == (None, False, [])
        exchange = swift.exchange()
        assert [attempt.problem for attempt in exchange.attempts] == [Kind.TIMEOUT]
        assert exchange.status == 200


@pytest.mark.slow
@pytest.mark.parametrize(("door", "upstream"), AWAKE)
def test_f12_after_the_status_another_channel_may_still_answer(swift: Served, door: str, upstream: str) -> None:
    with Vendor() as ill, Vendor() as well:
        swift.stand(
            channel("first", upstream, ill.url, timeouts=LONGER_THAN_QUIET), channel("second", "anthropic", well.url)
        )
        ill.fault("F12")
        heard = hear(door, ask(swift.port, door, stream=True).body, stream=True)
        assert heard.pings >= 1
        assert (heard.error, heard.odd, heard.ended) == (None, [], True)
        assert heard.said == meant(ANSWER)


@pytest.mark.slow
@pytest.mark.parametrize(("door", "upstream"), AWAKE)
def test_f59_a_late_answer_is_waited_for(swift: Served, door: str, upstream: str) -> None:
    with Vendor() as vendor:
        swift.stand(channel("only", upstream, vendor.url))
        vendor.fault("F59", wait_s=0.4)
        heard = hear(door, ask(swift.port, door, stream=True).body, stream=True)
        assert heard.pings >= 1
        assert (heard.said, heard.ended) == (meant(ANSWER), True)


def text(words: str) -> bytes:
    """A chunk of a chat stream."""
    return b'data: {"id":"c","choices":[{"index":0,"delta":{"content":"%b"}}]}\n\n' % words.encode()


NOTHING = b": " + b"." * (2**20 - 4) + b"\n\n"
"""A mebibyte of comment."""


def anthropic_body() -> bytes:
    """A client's request at the scripted stage."""
    return b'{"model":"asked","max_tokens":9,"stream":true,"messages":[{"role":"user","content":"go"}]}'


@pytest.mark.slow
def test_f58_an_answer_without_end_ends_as_an_error() -> None:
    script = [text("so "), text("on ")] + [NOTHING] * (STREAM_BYTES // len(NOTHING) + 1)
    stage = Stage({"a": [ScriptedAnswer(script)]})
    listener = play(stage.ask(anthropic_body()))
    heard = hear("anthropic", listener.text.encode(), stream=True)
    assert heard.error is not None
    assert heard.error["type"] == "api_error"
    assert (heard.said, heard.stop, heard.ended) == ([("text", "", "so on ")], None, False)
    assert stage.exchanges[0].problem is Kind.GARBLED


def test_f58_a_flood_before_any_content_goes_to_the_next_channel() -> None:
    flood = ScriptedAnswer([NOTHING] * (HELD_BYTES // len(NOTHING) + 2))
    good = ScriptedAnswer([text("good"), b'data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}\n\n'])
    stage = Stage({"a": [flood], "b": [good]})
    listener = play(stage.ask(anthropic_body()))
    assert hear("anthropic", listener.text.encode(), stream=True).said == [("text", "", "good")]
    assert [attempt.problem for attempt in stage.exchanges[0].attempts] == [Kind.GARBLED, None]


def test_f58_an_answer_that_takes_an_hour_ends_as_an_error() -> None:
    script: list[bytes | float] = []
    for _ in range(200):
        script += [text("on "), 35.0]
    stage = Stage({"a": [ScriptedAnswer(script)]})
    listener = play(stage.ask(anthropic_body()))
    heard = hear("anthropic", listener.text.encode(), stream=True)
    assert heard.error is not None
    assert heard.error["type"] == "api_error"
    assert 3590 <= listener.heard[-1][0] <= 3620
    assert not stage.exchanges[0].client_left
