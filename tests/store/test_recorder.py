"""The recorder brings every exchange into the ledger once, whatever the ledger does meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from msgspec.structs import replace

from dragoman.ledger.exchange import Exchange
from dragoman.store.bodies import DAY_MS, Bodies
from dragoman.store.journal import Journal
from dragoman.store.ports import Body, Purged, StoreTrouble, Trouble
from dragoman.store.recorder import Recorder
from tests.store.test_journal import Died, begun, ended

SOON_S = 0.001


class Ledger:
    """A ledger in memory that refuses what it is told to refuse. Mutable."""

    def __init__(self) -> None:
        self.known: dict[str, Exchange] = {}
        self.batches: list[int] = []
        self.bodies: list[Body] = []
        self.refuse_bodies: Exception | None = None
        self.refuse_purge: Exception | None = None
        self.refuse: Callable[[Sequence[Exchange]], Exception | None] = lambda _: None
        self.hold = asyncio.Event()
        self.hold.set()

    @property
    def over(self) -> int:
        return sum(exchange.ended_ms is not None for exchange in self.known.values())

    async def put(self, exchanges: Sequence[Exchange]) -> int:
        await self.hold.wait()
        if fault := self.refuse(exchanges):
            raise fault
        before = self.over
        for exchange in exchanges:
            known = self.known.get(exchange.id)
            if known is None or known.ended_ms is None:
                self.known[exchange.id] = exchange
        self.batches.append(len(exchanges))
        return self.over - before

    async def put_bodies(self, bodies: Sequence[Body]) -> None:
        if fault := self.refuse([]) or self.refuse_bodies:
            raise fault
        self.bodies += bodies

    async def purge(self, now_ms: int, *, exchanges_before_ms: int | None = None) -> Purged:  # noqa: ARG002 - a ledger's shape
        if self.refuse_purge:
            raise self.refuse_purge
        return Purged(0, 0)


def files(folder: Path) -> list[Path]:
    return sorted(folder.glob("*.journal"))


def away(_: object) -> Exception:
    return StoreTrouble("away", "The database cannot be used now.")


class Room:
    """A journal, a ledger, and the recorder between them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.journal = Journal(folder, segment_bytes=2000)
        self.ledger = Ledger()
        self.closed = False
        self.opened = 0
        self.bodies = Bodies(7, now_ms=lambda: 0)
        self.recorder = Recorder(self.journal, folder, self._open, as_it_is, bodies=self.bodies, tick_s=SOON_S)

    async def _open(self) -> Ledger:
        if self.closed:
            raise StoreTrouble("away", "The database cannot be reached.")
        self.opened += 1
        return self.ledger

    async def until(self, holds: Callable[[], bool]) -> None:
        """Waits until it holds."""
        async with asyncio.timeout(20):
            while not holds():  # noqa: ASYNC110 - the ledger is a port, and tells nobody
                await asyncio.sleep(SOON_S)


def as_it_is(exchange: Exchange) -> Exchange:
    return exchange


@pytest.mark.anyio
async def test_what_runs_is_in_the_ledger_until_it_is_known_how_it_ended(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.recorder.start()
    for number in range(30):
        room.journal.write(begun(number))
    await room.until(lambda: len(room.ledger.known) == 30)
    assert room.ledger.known["dgm_7"] == begun(7)
    for number in range(25):
        room.journal.write(ended(number))
    await room.until(lambda: room.recorder.state.recorded == 25)

    assert room.ledger.known["dgm_7"] == ended(7)
    assert room.ledger.known["dgm_27"] == begun(27)
    await room.recorder.stop()


@pytest.mark.anyio
async def test_a_database_that_is_away_gets_everything_once_when_it_is_back(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.ledger.refuse = away
    room.recorder.start()
    for number in range(50):
        room.journal.write(ended(number))
    await room.until(lambda: bool(room.recorder.state.trouble))
    assert room.ledger.known == {}

    room.ledger.refuse = lambda _: None
    await room.until(lambda: len(room.ledger.known) == 50)

    assert sum(room.ledger.batches) == 50
    await room.until(lambda: not room.recorder.state.trouble)
    await room.recorder.stop()


@pytest.mark.anyio
async def test_a_ledger_that_fails_after_it_has_taken_a_batch_counts_nothing_twice(tmp_path: Path) -> None:
    room = Room(tmp_path)
    failures = [away(None), away(None)]

    def late(exchanges: Sequence[Exchange]) -> Exception | None:
        for exchange in exchanges:
            room.ledger.known.setdefault(exchange.id, exchange)
        return failures.pop() if failures else None

    room.ledger.refuse = late
    for number in range(5):
        room.journal.write(ended(number))
    room.recorder.start()
    await room.until(lambda: not room.journal.holds_more(room.recorder.mark))

    assert len(room.ledger.known) == 5
    await room.recorder.stop()


@pytest.mark.anyio
async def test_one_exchange_that_the_database_refuses_does_not_stop_the_others(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.ledger.refuse = lambda batch: ValueError("no") if any(each.id == "dgm_3" for each in batch) else None
    for number in range(6):
        room.journal.write(ended(number))
    room.recorder.start()
    await room.until(lambda: len(room.ledger.known) == 5)

    assert room.recorder.state.refused == 1
    await room.recorder.stop()


@pytest.mark.anyio
async def test_what_a_dead_process_left_is_settled_and_its_files_are_gone(tmp_path: Path) -> None:
    gone = Journal(tmp_path, segment_bytes=2000)
    for number in range(10):
        gone.write(ended(number))
    gone.write(begun(10))
    Died(tmp_path, gone)
    room = Room(tmp_path)
    room.recorder.start()
    await room.until(lambda: len(room.ledger.known) == 11)

    assert room.ledger.known["dgm_10"].interrupted
    await room.until(lambda: not files(tmp_path))
    await room.recorder.stop()


@pytest.mark.anyio
async def test_what_a_dead_process_left_stays_until_the_database_has_it(tmp_path: Path) -> None:
    gone = Journal(tmp_path)
    gone.write(ended(1))
    left = Died(tmp_path, gone).files
    room = Room(tmp_path)
    room.ledger.refuse = away
    room.recorder.start()
    await room.until(lambda: bool(room.recorder.state.trouble))
    await room.recorder.stop()

    assert left == files(tmp_path)
    heir = Room(tmp_path)
    heir.recorder.start()
    await heir.until(lambda: "dgm_1" in heir.ledger.known)
    await heir.recorder.stop()


@pytest.mark.anyio
async def test_several_dead_processes_are_settled_though_the_database_was_away_at_first(tmp_path: Path) -> None:
    for number in range(4):
        gone = Journal(tmp_path)
        gone.write(begun(number))
        Died(tmp_path, gone)
    room = Room(tmp_path)
    room.ledger.refuse = away
    room.recorder.start()
    await room.until(lambda: bool(room.recorder.state.trouble))

    room.ledger.refuse = lambda _: None
    await room.until(lambda: len(room.ledger.known) == 4)
    await room.until(lambda: not files(tmp_path))
    await room.recorder.stop()


@pytest.mark.anyio
async def test_stopping_puts_what_is_left(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.recorder.start()
    await asyncio.sleep(0)
    for number in range(450):
        room.journal.write(ended(number))

    await room.recorder.stop()

    assert len(room.ledger.known) == 450
    assert not files(tmp_path)


@pytest.mark.anyio
async def test_stopping_while_the_database_is_away_leaves_the_journal(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.ledger.refuse = away
    room.recorder.start()
    room.journal.write(ended(1))

    await room.recorder.stop()

    assert files(tmp_path)


@pytest.mark.anyio
async def test_the_journal_shrinks_as_it_is_recorded(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.recorder.start()
    for number in range(200):
        room.journal.write(ended(number))
    await room.until(lambda: len(room.ledger.known) == 200)
    await room.until(lambda: len(files(tmp_path)) == 1)
    await room.recorder.stop()


@pytest.mark.anyio
async def test_what_is_worked_out_later_is_recorded_with_the_exchange(tmp_path: Path) -> None:
    room = Room(tmp_path)
    recorder = Recorder(room.journal, tmp_path, room._open, lambda each: replace(each, project="p"), tick_s=SOON_S)
    room.journal.write(ended(1))
    recorder.start()
    await room.until(lambda: "dgm_1" in room.ledger.known)

    assert room.ledger.known["dgm_1"].project == "p"
    await recorder.stop()


@pytest.mark.anyio
async def test_contents_are_put_apart_with_the_day_they_expire(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.bodies.keep("dgm_1", b"asked", lambda: b"answered", None)
    room.recorder.start()
    await room.until(lambda: len(room.ledger.bodies) == 2)

    told = [(body.exchange_id, body.n, body.kind, body.content, body.expires_ms) for body in room.ledger.bodies]
    assert told == [
        ("dgm_1", 0, "request", b"asked", 7 * DAY_MS),
        ("dgm_1", 0, "reply", b"answered", 7 * DAY_MS),
    ]
    await room.recorder.stop()


@pytest.mark.anyio
async def test_contents_wait_for_a_database_that_is_away_and_are_put_once(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.ledger.refuse = away
    room.bodies.keep("dgm_1", b"asked", None, None)
    room.recorder.start()
    await room.until(lambda: bool(room.recorder.state.trouble))
    room.ledger.refuse = lambda _: None
    await room.until(lambda: bool(room.ledger.bodies))

    await room.recorder.stop()
    assert len(room.ledger.bodies) == 1


@pytest.mark.anyio
async def test_contents_that_the_database_refuses_are_dropped_and_hold_nothing_up(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.ledger.refuse_bodies = ValueError("no")
    room.bodies.keep("dgm_1", b"asked", None, None)
    room.recorder.start()
    await room.until(lambda: room.recorder.state.dropped_bodies == 1)

    room.journal.write(ended(1))
    await room.until(lambda: "dgm_1" in room.ledger.known)
    assert not room.recorder.state.trouble
    await room.recorder.stop()


@pytest.mark.anyio
async def test_a_purge_that_fails_is_left_for_later(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.ledger.refuse_purge = ValueError("no")
    room.recorder.start()
    await room.until(lambda: bool(room.recorder.state.trouble))

    room.journal.write(ended(1))
    await room.until(lambda: "dgm_1" in room.ledger.known)
    await room.until(lambda: not room.recorder.state.trouble)
    await room.recorder.stop()


@pytest.mark.anyio
async def test_a_legacy_that_cannot_be_read_holds_nothing_up(tmp_path: Path) -> None:
    (tmp_path / "0000000000000001-1-000001.journal").mkdir()
    room = Room(tmp_path)
    room.journal.write(ended(1))
    room.recorder.start()
    await room.until(lambda: "dgm_1" in room.ledger.known)

    await room.recorder.stop()


@pytest.mark.anyio
async def test_a_database_that_was_away_at_first_is_opened_though_nothing_is_to_be_recorded(tmp_path: Path) -> None:
    room = Room(tmp_path)
    room.closed = True
    room.recorder.start()
    await room.until(lambda: bool(room.recorder.state.trouble))
    await asyncio.sleep(20 * SOON_S)
    assert room.recorder.state.trouble, "as long as it is away"

    room.closed = False
    await room.until(lambda: room.opened == 1)
    await room.until(lambda: not room.recorder.state.trouble)
    await room.recorder.stop()


@pytest.mark.anyio
@pytest.mark.parametrize(("kind", "told"), [("away", True), ("unusable", False), ("damaged", False)])
async def test_of_what_ends_the_gateway_nobody_is_told_that_it_goes_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], kind: Trouble, *, told: bool
) -> None:
    room = Room(tmp_path)
    room.ledger.refuse = lambda _: StoreTrouble(kind, "The database must not be used.")
    room.recorder.start()
    room.journal.write(begun(1))
    await room.until(lambda: bool(room.recorder.state.trouble))
    assert ("Requests are answered all the same" in "".join(capsys.readouterr())) == told
    await room.recorder.stop()
