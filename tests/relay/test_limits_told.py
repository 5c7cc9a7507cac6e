"""The headers by which a vendor tells of its limits reach the clients of that vendor's own dialect, and nobody else."""

from __future__ import annotations

import msgspec

from tests.relay.stage import Listener, ScriptedAnswer, Stage, channel, play
from tests.relay.test_relay import ask, good

ANTHROPIC_LIMITS = {"anthropic-ratelimit-requests-remaining": "7", "anthropic-ratelimit-unified-5h-utilization": "0.2"}
OTHERS = {"set-cookie": "a=b", "x-ratelimit-remaining-requests": "3", "server": "vendor"}
MESSAGE = msgspec.json.encode(
    {
        "id": "msg_1",
        "type": "message",
        "role": "assistant",
        "model": "m",
        "content": [{"type": "text", "text": "Hello there"}],
        "stop_reason": "end_turn",
        "usage": {"input_tokens": 3, "output_tokens": 2},
    }
)


def told(answer: ScriptedAnswer, provider: str, door: str = "anthropic", *, stream: bool = False) -> Listener:
    """What a client hears of one answer of a provider."""
    return play(Stage({"one": [answer]}, channel("one", provider)).ask(ask(stream=stream), door))


def with_limits(status: int, body: bytes) -> ScriptedAnswer:
    """A whole answer that tells of limits."""
    answer = ScriptedAnswer([body], status)
    answer.headers = {"content-type": "application/json", **ANTHROPIC_LIMITS, **OTHERS}
    return answer


def test_the_vendors_own_client_is_told() -> None:
    heard = told(with_limits(200, MESSAGE), "anthropic")

    assert heard.status == 200
    assert {name: heard.headers.get(name) for name in ANTHROPIC_LIMITS} == ANTHROPIC_LIMITS
    assert not OTHERS.keys() & heard.headers.keys()


def test_it_is_told_with_a_refusal_too() -> None:
    body = b'{"type":"error","error":{"type":"invalid_request_error","message":"no"}}'
    heard = told(with_limits(400, body), "anthropic")

    assert heard.status == 400
    assert heard.headers["anthropic-ratelimit-requests-remaining"] == "7"


def test_clients_of_another_dialect_are_not() -> None:
    answer = good()
    answer.headers = {**answer.headers, **OTHERS}
    heard = told(answer, "openai", stream=True)

    assert heard.status == 200
    assert not OTHERS.keys() & heard.headers.keys()


def test_another_vendor_of_the_dialect_is_not_quoted() -> None:
    heard = told(with_limits(200, MESSAGE), "zai-anthropic")

    assert heard.status == 200
    assert not ANTHROPIC_LIMITS.keys() & heard.headers.keys()
