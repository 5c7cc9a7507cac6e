"""What is asked aside stands in the ledger with its source, and no client pays for it."""

from __future__ import annotations

import msgspec
from msgspec.structs import replace

from dragoman.canon.problem import Kind
from dragoman.routing.key import Key
from dragoman.shapes.access import KeyTable
from tests.relay.stage import Stage, broken, channel, inquiry, play
from tests.relay.test_counting import BODY, json_answer

MINE = Key(id="k1", public_id="p1", digest=b"", spec=KeyTable(name="mine", owner="anna"))
WHOLE = msgspec.json.encode(
    {
        "id": "c1",
        "model": "m",
        "choices": [{"index": 0, "message": {"role": "assistant", "content": "ready"}, "finish_reason": "stop"}],
        "usage": {"prompt_tokens": 9, "completion_tokens": 2},
    }
)


def test_a_count_by_the_upstream_is_recorded_and_not_charged() -> None:
    stage = Stage({"one": [json_answer(b'{"input_tokens":7}')]}, channel("one", "anthropic"))
    play(stage.relay.count(replace(inquiry(BODY), key=MINE, client="10.0.0.1")))
    (known,) = stage.journal.written
    assert (known.source, known.asked, known.key_id, known.owner, known.client) == (
        "count",
        "asked",
        "k1",
        "anna",
        "10.0.0.1",
    )
    assert known.ended_ms is not None
    assert (known.attempts[0].status, known.charged) == (200, None)


def test_a_count_that_failed_is_recorded_too() -> None:
    stage = Stage({"one": [broken()]}, channel("one", "anthropic"))
    play(stage.relay.count(inquiry(BODY)))
    assert stage.journal.written[0].problem is Kind.CUT_SHORT


def test_an_estimate_is_no_exchange() -> None:
    stage = Stage({"one": []})
    play(stage.relay.count(inquiry(BODY)))
    assert stage.journal.written == []


def test_a_test_and_a_probe_of_a_channel_are_recorded_with_what_they_used() -> None:
    stage = Stage({"one": [json_answer(WHOLE), json_answer(b"{}", 500)]})
    probed = stage.relay.snapshot.channels[0]
    play(stage.relay.probe(probed, "m", "text", "test"))
    play(stage.relay.probe(probed, "m"))
    tested, failed = stage.journal.written
    assert (tested.source, tested.attempts[0].usage.prompt, tested.usage.output) == ("test", 9, 2)
    assert (tested.charged, tested.problem, tested.attempts[0].why) == (None, None, "test: text")
    assert (failed.source, failed.attempts[0].status, failed.problem is None) == ("probe", 500, False)
    assert tested.id != failed.id
