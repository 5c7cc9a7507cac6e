"""What an exchange held is freed as it ends, and does not wait for the garbage collector: bodies are large."""

from __future__ import annotations

import gc

from dragoman.relay.prepare import Prepared
from tests.relay.stage import ScriptedAnswer, Stage, play
from tests.relay.test_relay import DONE, HELLO, OPENED, ask


def test_an_exchange_leaves_nothing_to_the_garbage_collector() -> None:
    stage = Stage({"one": [ScriptedAnswer([OPENED, HELLO, DONE], content_type="text/event-stream")]})

    async def scene() -> list[object]:
        gc.collect()
        gc.disable()
        try:
            assert (await stage.ask(ask())).status == 200
            stage.transport.calls.clear()
            return [left for left in gc.get_objects() if isinstance(left, Prepared)]
        finally:
            gc.enable()

    assert play(scene()) == []
