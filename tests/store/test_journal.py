"""The journal tells after any death what was sent, once; and no trouble of the disk reaches who writes it."""

from __future__ import annotations

import errno
import os
import stat
import threading
from pathlib import Path
from zlib import crc32

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.canon.problem import Kind
from dragoman.canon.usage import NOTHING_SAID, Usage
from dragoman.ledger.exchange import AttemptRecord, Exchange, Progress
from dragoman.store.frames import ENDED, HEAD, MAGIC, settle
from dragoman.store.journal import STEP, Journal, Legacy, Mark, inherited


def begun(number: int) -> Exchange:
    attempt = AttemptRecord(n=1, channel="near", model="chat", mode="verbatim", started_ms=1000 + number)
    return Exchange(
        id=f"dgm_{number}",
        started_ms=1000 + number,
        door="tongue",
        asked="sonnet",
        stream=True,
        session="s",
        attempts=(attempt,),
        prompt_estimate=7,
    )


def ended(number: int) -> Exchange:
    usage = Usage(input=3, output=number)
    running = begun(number)
    attempt = replace(running.attempts[0], usage=usage, status=200, ended_ms=2000)
    return replace(running, attempts=(attempt,), usage=usage, finish="end", status=200, ended_ms=2000)


def progress(number: int, output: int, finish: str | None = None) -> Progress:
    usage = Usage(input=3, output=output, exact=finish is not None)
    return Progress(f"dgm_{number}", 1, 1500, usage, 200, 1400, "req_1", finish)


def left_in(folder: Path) -> list[Exchange]:
    """What a process that finds this folder takes over."""
    return [exchange for legacy in inherited(folder) for exchange in legacy.exchanges()]


class Died:
    """A journal whose process was killed: its lock is gone, and nothing was closed in order."""

    def __init__(self, folder: Path, journal: Journal) -> None:
        journal.close(None)
        self.files = sorted(folder.glob("*.journal"))


def read_all(journal: Journal) -> tuple[list[Exchange], Mark | None]:
    found, mark, damaged = journal.read(None, 10_000)
    assert damaged == 0
    return found, mark


def test_an_exchange_that_ended_is_read_as_it_was_written(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(begun(1))
    journal.write(ended(1))

    found, _ = read_all(journal)

    assert found == [ended(1)]
    journal.close(None)


def test_reading_goes_on_where_it_stopped(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=900)
    mark, found = None, []
    for number in range(20):
        journal.write(begun(number))
        journal.write(ended(number))
        batch, mark, _ = journal.read(mark, 1)
        found += batch
    rest, mark, _ = journal.read(mark, 100)
    found += rest

    assert [exchange.id for exchange in found if exchange.ended_ms] == [f"dgm_{number}" for number in range(20)]
    journal.close(mark)


def test_what_was_running_when_the_process_died_is_settled_from_its_last_checkpoint(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(begun(1))
    journal.checkpoint(progress(1, 5))
    journal.checkpoint(progress(1, 9))
    Died(tmp_path, journal)

    (settled,) = left_in(tmp_path)

    assert settled.interrupted
    assert settled.usage == Usage(input=3, output=9, exact=False)
    assert settled.attempts[0].usage == settled.usage
    assert settled.attempts[0].maybe_billed
    assert (settled.status, settled.finish, settled.ended_ms) == (None, None, 1500)


def test_an_answer_that_was_whole_before_the_process_died_keeps_its_exact_usage(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(begun(1))
    journal.checkpoint(progress(1, 9, finish="end"))
    Died(tmp_path, journal)

    (settled,) = left_in(tmp_path)

    assert settled.usage == Usage(input=3, output=9)
    assert settled.finish == "end"


def test_what_was_sent_and_never_heard_of_again_counts_as_its_estimate(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(begun(1))
    Died(tmp_path, journal)

    (settled,) = left_in(tmp_path)

    assert settled.usage == Usage(input=7, exact=False)


def test_what_waited_for_its_next_attempt_when_the_process_died_has_used_no_more(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    running = begun(1)
    failed = replace(running.attempts[0], problem=Kind.RATE_LIMITED, status=429, ended_ms=1700)
    journal.write(running)
    journal.write(replace(running, attempts=(failed,)))
    Died(tmp_path, journal)

    (settled,) = left_in(tmp_path)

    assert settled.attempts == (failed,)
    assert (settled.usage, settled.ended_ms, settled.interrupted) == (NOTHING_SAID, 1700, True)


def test_a_checkpoint_of_an_earlier_attempt_says_nothing_about_the_last(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    first = begun(1)
    journal.write(first)
    journal.checkpoint(progress(1, 9))
    journal.write(replace(first, attempts=(*first.attempts, replace(first.attempts[0], n=2, channel="far"))))
    Died(tmp_path, journal)

    (settled,) = left_in(tmp_path)

    assert [attempt.channel for attempt in settled.attempts] == ["near", "far"]
    assert settled.usage == Usage(input=7, exact=False)


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_a_journal_cut_at_any_byte_tells_what_was_whole_before(
    data: st.DataObject, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("journal")
    journal = Journal(folder)
    ends = []
    for number in range(4):
        journal.write(begun(number))
        journal.write(ended(number))
        ends.append(next(folder.glob("*.journal")).stat().st_size)
    (file,) = Died(folder, journal).files
    cut = data.draw(st.integers(0, ends[-1]))
    os.truncate(file, cut)

    found = left_in(folder)

    whole = [exchange for exchange in found if not exchange.interrupted]
    assert whole == [ended(number) for number in range(4) if ends[number] <= cut]
    assert len(found) - len(whole) <= 1


def test_a_damaged_record_is_skipped_and_counted(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(ended(1))
    (file,) = tmp_path.glob("*.journal")
    with file.open("r+b") as open_file:
        open_file.seek(-1, os.SEEK_END)
        open_file.write(b"\x00")
    journal.write(ended(2))

    found, _, damaged = journal.read(None, 10)

    assert (found, damaged) == ([ended(2)], 1)
    journal.close(None)


def test_a_frame_of_no_believable_length_ends_its_segment_and_is_counted(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=700)
    for number in range(6):
        journal.write(ended(number))
    first = min(tmp_path.glob("*.journal"))
    with first.open("r+b") as open_file:
        open_file.seek(len(MAGIC))
        open_file.write(b"\xff\xff\xff\xff")

    found, _, damaged = journal.read(None, 10)

    assert damaged == 1
    assert found
    assert found[-1] == ended(5)
    journal.close(None)


def test_segments_that_were_read_are_deleted_and_lose_no_running_exchange(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=2000)
    journal.write(begun(0))
    journal.checkpoint(progress(0, 5))
    for number in range(1, 40):
        journal.write(begun(number))
        journal.write(ended(number))
    _, mark = read_all(journal)
    journal.forget(mark)

    assert len(list(tmp_path.glob("*.journal"))) == 1
    Died(tmp_path, journal)
    (settled,) = [exchange for exchange in left_in(tmp_path) if exchange.interrupted]
    assert settled.id == "dgm_0"
    assert settled.usage.output == 5


def test_nothing_is_left_of_a_journal_that_was_read_to_its_end(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(ended(1))
    _, mark = read_all(journal)

    journal.close(mark)

    assert not list(tmp_path.glob("*.journal"))


def test_a_journal_that_was_not_read_to_its_end_is_left_for_the_next_start(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(ended(1))
    _, mark = read_all(journal)
    journal.write(ended(2))

    journal.close(mark)

    assert [exchange.id for exchange in left_in(tmp_path)] == ["dgm_1", "dgm_2"]


def test_segments_behind_the_one_that_was_read_are_left_for_the_next_start(tmp_path: Path) -> None:
    journal = Journal(tmp_path, segment_bytes=900)
    for number in range(4):
        journal.write(ended(number))
    _, mark, _ = journal.read(None, 3)
    journal.write(ended(4))

    journal.close(mark)

    assert "dgm_4" in [exchange.id for exchange in left_in(tmp_path)]


def test_a_record_that_cannot_be_written_down_is_counted_and_raises_nothing(tmp_path: Path) -> None:
    journal = Journal(tmp_path)

    journal.write(replace(ended(1), asked="half a character \ud83d"))
    journal.write(ended(2))

    assert journal.lost == 1
    assert [exchange.id for exchange in read_all(journal)[0]] == ["dgm_2"]
    journal.close(None)


def test_a_long_wait_is_written_in_steps(tmp_path: Path) -> None:
    disk = Disk()
    journal = Journal(tmp_path, clock=disk.clock, write=disk.write)
    journal.write(ended(0))
    disk.full = True
    for number in range(1, 2 * STEP):
        journal.write(ended(number))
    disk.full, disk.now_s = False, 2.0

    journal.flush()
    assert len(read_all(journal)[0]) == STEP + 1
    journal.flush()
    assert len(read_all(journal)[0]) == 2 * STEP
    assert not journal.trouble
    journal.close(None)


def test_a_journal_that_is_being_written_is_nobody_elses(tmp_path: Path) -> None:
    journal = Journal(tmp_path)
    journal.write(begun(1))

    assert inherited(tmp_path) == []
    journal.close(None)
    assert [exchange.id for exchange in left_in(tmp_path)] == ["dgm_1"]


def test_a_journal_that_is_just_begun_is_nobody_elses(tmp_path: Path) -> None:
    taken: list[Legacy] = []
    over = threading.Event()

    def look() -> None:
        while not over.is_set():
            taken.extend(inherited(tmp_path))

    looking = threading.Thread(target=look)
    looking.start()
    journals = [Journal(tmp_path) for _ in range(200)]
    for journal in journals:
        journal._name += str(id(journal))  # they are of one process
        journal.write(begun(1))
    over.set()
    looking.join()

    assert taken == []
    for journal in journals:
        journal.close(None)


def test_a_legacy_belongs_to_one_heir(tmp_path: Path) -> None:
    Died(tmp_path, _written(tmp_path))
    (legacy,) = inherited(tmp_path)

    assert inherited(tmp_path) == []
    legacy.remove()
    assert not list(tmp_path.glob("*.journal"))


def _written(folder: Path) -> Journal:
    journal = Journal(folder, segment_bytes=900)
    for number in range(5):
        journal.write(ended(number))
    return journal


def test_the_journal_is_readable_to_its_owner_alone(tmp_path: Path) -> None:
    journal = _written(tmp_path / "journal")

    for file in (tmp_path / "journal").glob("*.journal"):
        assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE((tmp_path / "journal").stat().st_mode) == 0o700
    journal.close(None)


class Disk:
    """A disk that can be full: then it takes half of what it is given. Mutable."""

    def __init__(self) -> None:
        self.full = False
        self.now_s = 0.0

    def write(self, fd: int, data: bytes) -> int:
        if self.full:
            os.write(fd, data[: len(data) // 2])
            raise OSError(errno.ENOSPC, "No space left on device")
        return os.write(fd, data)

    def clock(self) -> float:
        return self.now_s


def test_what_a_full_disk_refused_is_written_when_there_is_room_again(tmp_path: Path) -> None:
    disk = Disk()
    journal = Journal(tmp_path, clock=disk.clock, write=disk.write)
    journal.write(ended(1))
    disk.full = True
    journal.write(ended(2))
    journal.write(ended(3))
    assert journal.trouble == "No space left on device"
    assert [exchange.id for exchange in read_all(journal)[0]] == ["dgm_1"]

    disk.full, disk.now_s = False, 2.0
    journal.write(ended(4))

    assert [exchange.id for exchange in read_all(journal)[0]] == ["dgm_1", "dgm_2", "dgm_3", "dgm_4"]
    assert (journal.trouble, journal.lost) == ("", 0)
    journal.close(None)


def test_a_full_disk_is_asked_again_only_now_and_then(tmp_path: Path) -> None:
    disk = Disk()
    journal = Journal(tmp_path, clock=disk.clock, write=disk.write)
    journal.write(ended(1))
    disk.full = True
    journal.write(ended(2))
    disk.full = False

    journal.flush()
    assert len(read_all(journal)[0]) == 1
    disk.now_s = 2.0
    journal.flush()
    assert len(read_all(journal)[0]) == 2
    journal.close(None)


def test_what_exceeds_the_memory_kept_for_a_full_disk_is_counted(tmp_path: Path) -> None:
    disk = Disk()
    journal = Journal(tmp_path, clock=disk.clock, write=disk.write, spool_bytes=1000)
    disk.full = True
    for number in range(50):
        journal.write(begun(number))
        journal.write(ended(number))
    disk.full, disk.now_s = False, 2.0
    journal.flush()

    kept = read_all(journal)[0]

    assert kept
    assert journal.lost + len(kept) == 50
    journal.close(None)


def test_a_folder_that_cannot_be_written_is_no_ones_trouble(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    journal = Journal(tmp_path / "file" / "journal")
    journal.write(begun(1))
    journal.checkpoint(progress(1, 2))
    journal.write(ended(1))

    assert journal.trouble
    journal.close(None)


def test_a_backlog_beyond_its_bound_waits_in_memory(tmp_path: Path) -> None:
    disk = Disk()
    journal = Journal(tmp_path, clock=disk.clock, segment_bytes=900, backlog_bytes=3000)
    for number in range(20):
        journal.write(ended(number))
    assert "backlog" in journal.trouble
    assert sum(file.stat().st_size for file in tmp_path.glob("*.journal")) <= 3000

    mark: Mark | None = None
    ids: list[str] = []
    while len(ids) < 20:
        batch, mark, _ = journal.read(mark, 3)
        ids += [exchange.id for exchange in batch]
        journal.forget(mark)
        disk.now_s += 2.0
        journal.flush()

    assert ids == [f"dgm_{number}" for number in range(20)]
    journal.close(mark)


def test_a_record_of_a_later_version_is_read_as_far_as_it_is_known(tmp_path: Path) -> None:
    record = {**msgspec.to_builtins(ended(1)), "not_known_yet": 1}
    payload = ENDED + msgspec.msgpack.encode(record)
    file = tmp_path / "1-1-1.journal"
    file.write_bytes(MAGIC + HEAD.pack(len(payload), crc32(payload)) + payload)

    assert list(settle([file])) == [ended(1)]


def test_a_file_that_is_no_journal_tells_nothing(tmp_path: Path) -> None:
    file = tmp_path / "1-1-1.journal"
    file.write_bytes(b"something else entirely")

    assert list(settle([file])) == []
