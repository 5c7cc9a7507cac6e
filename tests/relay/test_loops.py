"""A client that asks on at once whenever its answer breaks off is stopped; one that heeds our headers is let go on."""

from __future__ import annotations

from msgspec.structs import replace

from dragoman.canon.problem import Kind
from dragoman.relay.state import BREAKS, Learned
from tests.relay.stage import Listener, ScriptedAnswer, Stage, inquiry, play
from tests.relay.test_relay import HELLO, OPENED, ask, error_of, good


def breaking(count: int) -> dict[str, list[ScriptedAnswer]]:
    """Answers that break off after some words, then a whole one."""
    cut = [ScriptedAnswer([OPENED, HELLO], content_type="text/event-stream") for _ in range(count)]
    return {"one": [*cut, good()]}


def heard(stage: Stage, times: int, **headers: str) -> list[Listener]:
    """What a client hears who asks so often."""
    asked = replace(inquiry(ask()), headers={"x-session-id": "ses_1", **headers})

    async def one() -> Listener:
        listener = Listener()
        await stage.relay.answer(asked, listener)
        return listener

    async def scene() -> list[Listener]:
        return [await one() for _ in range(times)]

    return play(scene())


def test_a_loop_ends_with_a_status_after_which_no_client_asks_again() -> None:
    stage = Stage(breaking(BREAKS))
    *broken, stopped, again = heard(stage, BREAKS + 2)
    assert {listener.status for listener in broken} == {200}
    assert stopped.status == 424
    assert "broke off twenty times" in error_of(stopped)["message"]
    assert stage.exchanges[BREAKS].problem is Kind.UPSTREAM_ERROR
    assert again.status == 200, "it is told once, then counted anew"


def test_who_heeds_our_headers_is_not_stopped() -> None:
    stage = Stage(breaking(BREAKS))
    assert {listener.status for listener in heard(stage, BREAKS + 1, **{"x-stainless-lang": "js"})} == {200}


def test_breaks_of_long_ago_and_of_others_do_not_count() -> None:
    learned = Learned()
    for number in range(BREAKS):
        learned.broke("mine", number * 2_000)
        learned.broke(f"other {number}", 0)
    assert not learned.loops("mine", BREAKS * 2_000)
    assert not learned.loops("other 1", 0)
