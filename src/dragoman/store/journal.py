"""The journal: a local append-only file that makes accounting survive the death of this process.

Rules. What was sent upstream stands in the journal before the first byte leaves: one `write` into the system's cache,
not waited for to reach the disk, so that it outlives the process but not the machine. Nothing here raises or waits for
longer than that write. A record that could not be written whole leaves no trace: the file is cut back to the record
before, the record waits in memory up to a cap, and what goes beyond is counted as lost and told. A file has one
writer, who holds a lock on it while it lives; a file without one was left behind, and is settled by who finds it.

The file is written in segments. A new one begins with the running exchanges of the one before, so that a segment may
be deleted as soon as all that ended in it is in the database.
"""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import NamedTuple

import structlog

from dragoman.ledger.exchange import Exchange, Progress
from dragoman.store.frames import ENDED, HEAD, MAGIC, Reading, frame, settle

SEGMENT_BYTES = 4 * 1024 * 1024
BACKLOG_BYTES = 1024 * 1024 * 1024
"""Bytes of all segments at most, while the database takes nothing: several hundred thousand exchanges."""
SPOOL_BYTES = 16 * 1024 * 1024
"""Bytes that wait in memory at most, while the disk takes nothing."""
RETRY_S = 1.0
"""Seconds between two attempts to write what waits in memory."""
STEP = 500
"""Records that are written then at once: nobody waits longer than a few milliseconds for them."""
SUFFIX = ".journal"

log = structlog.get_logger()


class Mark(NamedTuple):
    """A place in the journal: everything before it has been read."""

    segment: int
    offset: int


class Journal:
    """This process's journal. Mutable: it has a file open, and knows which exchanges run.

    To be written from one thread; `read` may be called from another.
    """

    def __init__(
        self,
        folder: Path,
        *,
        clock: Callable[[], float] = time.monotonic,
        write: Callable[[int, bytes], int] = os.write,
        segment_bytes: int = SEGMENT_BYTES,
        spool_bytes: int = SPOOL_BYTES,
        backlog_bytes: int = BACKLOG_BYTES,
    ) -> None:
        self._folder = folder
        self._clock, self._write = clock, write
        self._segment_bytes, self._spool_bytes, self._backlog_bytes = segment_bytes, spool_bytes, backlog_bytes
        self._name = f"{time.time_ns() // 1000:016}-{os.getpid()}"
        self._segments: dict[int, _Segment] = {}
        """Segments by number, oldest first; the last is being written."""
        self._running: dict[str, list[bytes]] = {}
        """Frames of each exchange that runs: itself, and its last checkpoint."""
        self._spool: deque[tuple[str, bytes]] = deque()
        """Frames that wait, each with the id of its exchange."""
        self._spooled_bytes = 0
        self._retry_s = 0.0
        self.lost = 0
        """Exchanges whose ending could not be kept anywhere."""
        self.trouble = ""
        """Why nothing can be written at the moment; empty while all is well."""

    def write(self, exchange: Exchange) -> None:
        """An attempt is about to be sent, or the exchange has ended."""
        data = _framed(exchange)
        if data is None:
            self.lost += exchange.ended_ms is not None
            return
        if exchange.ended_ms is None:
            self._running[exchange.id] = [data]
        self._append(exchange.id, data)

    def checkpoint(self, progress: Progress) -> None:
        """A running attempt has come this far. Not kept while the disk takes nothing."""
        frames = self._running.get(progress.id)
        if frames is None:
            return
        data = _framed(progress)
        if data is None:
            return
        frames[1:] = [data]
        if not self._spool:
            self._append(progress.id, data)

    def flush(self) -> None:
        """Tries to write what waits in memory; for times when no exchange comes by."""
        if self._spool and self._clock() >= self._retry_s:
            self._retry()

    def holds_more(self, after: Mark | None) -> bool:
        """Whether anything was written after the mark."""
        number = next(reversed(self._segments), None)
        return number is not None and (after is None or after < (number, self._segments[number].size))

    def read(self, after: Mark | None, most: int) -> tuple[list[Exchange], Mark | None, int]:
        """Up to `most` exchanges that were written after the mark, each as it was written last, the mark behind them,
        and how many could not be read."""
        found: dict[str, Exchange] = {}
        damaged = 0
        segments = [item for item in tuple(self._segments.items()) if after is None or item[0] >= after.segment]
        for number, segment in segments:
            start = after.offset if after is not None and number == after.segment else 0
            with segment.path.open("rb") as file:
                reading = Reading(file, start)
                for exchange in reading.exchanges():
                    found[exchange.id] = exchange
                    if len(found) >= most:
                        break
                damaged += reading.damaged
                after = Mark(number, reading.offset)
            if len(found) >= most:
                break
            if number != segments[-1][0] and reading.offset < segment.size:
                damaged += 1  # and nobody can say how much stood behind it
        return list(found.values()), after, damaged

    def forget(self, before: Mark | None) -> None:
        """Deletes the segments before the one with this mark: what ended in them is in the database."""
        if before is None:
            return
        for number in [number for number in self._segments if number < before.segment]:
            self._segments.pop(number).remove()

    def close(self, read_until: Mark | None) -> None:
        """Ends the journal. Nothing is left of one that was read to its end and in which nothing runs."""
        self.flush()
        self.forget(read_until)
        done = not (self.holds_more(read_until) or self._running or self._spool)
        for segment in self._segments.values():
            if done:
                segment.remove()
            else:
                segment.release()
        self._segments.clear()

    def _append(self, id: str, data: bytes) -> None:  # noqa: A002
        if self._spool:
            self._wait(id, data)
            self.flush()
        elif not self._written(id, data):
            self._wait(id, data)

    def _written(self, id: str, data: bytes) -> bool:  # noqa: A002
        """Whether the frame now stands in the file; else the file is as it was before."""
        try:
            segment = self._segment(len(data))
            segment.append(data, self._write)
        except OSError as fault:
            self._in_trouble(fault)
            return False
        self._forget_running(id, data)
        return True

    def _forget_running(self, id: str, data: bytes) -> None:  # noqa: A002
        """An exchange runs, for this journal, until its ending stands in the file or is lost."""
        if data[HEAD.size] == ENDED[0]:
            self._running.pop(id, None)

    def _segment(self, more: int) -> _Segment:
        """The segment that takes so many bytes more. Raises `OSError`."""
        segment = next(reversed(self._segments.values()), None)
        if segment is not None and segment.size + more <= self._segment_bytes:
            return segment
        if sum(segment.size for segment in self._segments.values()) + self._segment_bytes > self._backlog_bytes:
            raise OSError(errno.EDQUOT, "The journal's backlog is full: the database takes nothing")
        number = next(reversed(self._segments), 0) + 1
        fresh = _Segment.begin(self._folder / f"{self._name}-{number:06}{SUFFIX}")
        try:
            for frames in self._running.values():
                fresh.append(b"".join(frames), self._write)
        except OSError:
            fresh.remove()
            raise
        self._segments[number] = fresh
        return fresh

    def _wait(self, id: str, data: bytes) -> None:  # noqa: A002
        """Keeps a frame in memory while there is room, else counts what is lost."""
        if self._spooled_bytes + len(data) <= self._spool_bytes:
            self._spool.append((id, data))
            self._spooled_bytes += len(data)
            return
        self.lost += data[HEAD.size] == ENDED[0]
        self._forget_running(id, data)

    def _retry(self) -> None:
        for _ in range(STEP):
            if not self._spool or not self._written(*self._spool[0]):
                break
            self._spooled_bytes -= len(self._spool.popleft()[1])
        if not self._spool:
            log.warning("journal is written again", lost_exchanges=self.lost)
            self.trouble = ""

    def _in_trouble(self, fault: OSError) -> None:
        self._retry_s = self._clock() + RETRY_S
        reason = fault.strerror or type(fault).__name__
        if reason != self.trouble:
            self.trouble = reason
            log.error(
                "journal cannot be written",
                folder=str(self._folder),
                fault=reason,
                remedy="Requests are answered all the same; make room on the disk, or see that the folder is writable.",
            )


def _framed(record: Exchange | Progress) -> bytes | None:
    """The record's frame; None for text that cannot be written down, as half a character."""
    try:
        return frame(record)
    except UnicodeEncodeError:
        log.error("exchange cannot be journalled", exchange=record.id)  # noqa: TRY400 - a trace would tell its text
        return None


class _Segment:
    """One file that this process writes. Mutable: it grows."""

    def __init__(self, path: Path, fd: int, size: int) -> None:
        self.path, self.size = path, size
        self._fd = fd

    @classmethod
    def begin(cls, path: Path) -> _Segment:
        """A new file, locked. Raises `OSError`."""
        path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        # It gets its name only once it is locked: else it might be taken for one that was left behind.
        nameless = path.with_suffix(".new")
        segment = cls(nameless, os.open(nameless, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_APPEND, 0o600), 0)
        try:
            lock(segment._fd)
            segment.append(MAGIC, os.write)
            nameless.rename(path)
        except OSError:
            segment.remove()
            raise
        segment.path = path
        return segment

    def append(self, data: bytes, write: Callable[[int, bytes], int]) -> None:
        """Writes all of it or, raising `OSError`, nothing."""
        written = 0
        try:
            written = write(self._fd, data)
        finally:
            if written < len(data):
                with contextlib.suppress(OSError):
                    os.ftruncate(self._fd, self.size)
        if written < len(data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        self.size += written

    def release(self) -> None:
        """Leaves the file to whoever finds it."""
        os.close(self._fd)

    def remove(self) -> None:
        """Deletes the file. One that cannot be is found at the next start, and put once more, which counts nothing."""
        with contextlib.suppress(OSError):
            self.path.unlink()
        os.close(self._fd)


class Legacy:
    """The segments that a process left behind which is gone. Mutable: it holds their locks."""

    def __init__(self, paths: list[Path]) -> None:
        self.paths = paths
        self._fds: list[int] = []

    @classmethod
    def claim(cls, paths: list[Path]) -> Legacy | None:
        """These segments of one writer; None if it still lives."""
        legacy = cls(paths)
        for path in paths:
            try:
                legacy._fds.append(os.open(path, os.O_RDWR))
            except OSError:
                legacy.release()
                return None
            if not lock(legacy._fds[-1]):
                legacy.release()
                return None
        return legacy

    def exchanges(self) -> Iterator[Exchange]:
        """All its exchanges, those that were running settled."""
        return settle(self.paths)

    def remove(self) -> None:
        """Deletes the segments: everything in them is in the database."""
        for path in self.paths:
            with contextlib.suppress(OSError):
                path.unlink()
        self.release()

    def release(self) -> None:
        """Leaves the segments to another process."""
        while self._fds:
            os.close(self._fds.pop())


def inherited(folder: Path) -> list[Legacy]:
    """The journals in this folder that nobody writes any more, each locked for us as a whole.

    One process at a time looks; the others may count on it.
    """
    if not folder.is_dir():
        return []
    try:
        door = (folder / "lock").open("ab")
    except OSError:
        return []  # what cannot be deleted afterwards is not taken over
    with door:
        if not lock(door.fileno()):
            return []
        by_writer: dict[str, list[Path]] = {}
        for path in sorted(folder.glob(f"*{SUFFIX}")):
            by_writer.setdefault(path.stem.rpartition("-")[0], []).append(path)
        claims = [Legacy.claim(paths) for paths in by_writer.values()]
    return [legacy for legacy in claims if legacy is not None]


def lock(fd: int) -> bool:
    """Whether the file is now ours until it is closed; False if another process has it."""
    try:
        if sys.platform == "win32":
            import msvcrt

            os.lseek(fd, FAR, os.SEEK_SET)
            msvcrt.locking(fd, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


FAR = 1 << 40
"""The byte that is locked where bytes are (Windows): behind all that is written."""
