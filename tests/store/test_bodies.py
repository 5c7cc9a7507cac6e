"""Contents wait in bounded memory, are kept only if that is wished, and never cost an account."""

from __future__ import annotations

import pytest

from dragoman.store.bodies import BATCH_BYTES, DAY_MS, DAYS, Bodies


def kept(bodies: Bodies) -> list[str]:
    return [content.exchange_id for content in bodies.batch()]


@pytest.mark.parametrize(
    ("days", "wish", "for_days"),
    [(7, None, 7), (0, None, 0), (7, False, 0), (0, True, DAYS), (3, True, 3)],
)
def test_a_key_may_wish_otherwise_than_the_gateway(days: int, wish: bool | None, for_days: int) -> None:
    bodies = Bodies(days, now_ms=lambda: 0)

    bodies.keep("x", b"asked", None, wish)

    assert [content.expires_ms for content in bodies.batch()] == ([for_days * DAY_MS] if for_days else [])


def test_what_does_not_fit_is_dropped_and_counted() -> None:
    bodies = Bodies(waiting_bytes=100_000)
    for number in range(10):
        bodies.keep(str(number), b"x" * 20_000, None, None)

    assert kept(bodies) == ["0", "1"]
    assert bodies.dropped == 8


def test_there_is_room_again_for_what_was_put() -> None:
    bodies = Bodies(waiting_bytes=100_000)
    bodies.keep("0", b"x" * 80_000, None, None)
    bodies.done(bodies.batch())
    bodies.keep("1", b"x" * 80_000, None, None)

    assert kept(bodies) == ["1"]
    assert bodies.dropped == 0


def test_a_batch_is_bounded_but_never_empty_while_something_waits() -> None:
    bodies = Bodies()
    for number in range(3):
        bodies.keep(str(number), b"x" * BATCH_BYTES, None, None)

    assert kept(bodies) == ["0"]


def test_an_answer_that_cannot_be_written_costs_only_itself() -> None:
    bodies = Bodies()

    def broken() -> bytes:
        raise LookupError("a part that never was")

    bodies.keep("x", b"asked", broken, None)

    (content,) = bodies.batch()
    assert [body.kind for body in content.bodies()] == ["request"]
