"""A client whose wire has no keep-alive: nothing is sent to it but the status, before it gives up waiting for one."""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.relay.delivery import QUIET_BEATLESS_S
from tests.relay.stage import Listener, ScriptedAnswer, Stage, inquiry, play
from tests.relay.test_relay import good

BODY = b'{"contents":[{"role":"user","parts":[{"text":"Hello"}]}]}'


def heard_at(stage: Stage) -> tuple[Listener, float | None]:
    """What a client of a beatless wire hears, and when its status came."""
    asked = inquiry(BODY, "gemini")
    asked = replace(asked, request=replace(asked.request, model="asked", stream=True))
    listener = Listener()
    play(stage.relay.answer(asked, listener))
    return listener, listener.heard[0][0] if listener.heard else None


def test_no_byte_is_sent_before_the_first_content() -> None:
    stage = Stage({"one": [good(70.0)]})

    heard, _ = heard_at(stage)

    assert heard.status == 200
    assert [data for at, data in heard.heard if at < 70.0 and data] == []
    assert "Hello there" in heard.text


def test_the_status_leaves_before_gemini_cli_gives_up() -> None:
    stage = Stage({"one": [good(70.0)]})

    _, at = heard_at(stage)

    assert at == QUIET_BEATLESS_S < 60


def test_a_refusal_within_that_time_keeps_its_status() -> None:
    refusal = ScriptedAnswer([30.0, b'{"error":{"message":"no","code":"invalid"}}'], status=400)
    stage = Stage({"one": [refusal]})

    heard, _ = heard_at(stage)

    assert heard.status == 400
