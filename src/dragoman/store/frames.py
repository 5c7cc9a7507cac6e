"""The journal's bytes: segments of framed records, and how they are read back, whatever end they came to.

Rules. A segment begins with `MAGIC`. A frame is its length, the CRC-32 of what follows, a letter for the kind, and the
record as MessagePack. Reading never raises for what stands in a file: a tail that was not written whole ends it, a
frame that is damaged or cannot be understood is skipped and counted.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from struct import Struct as Layout
from typing import BinaryIO
from zlib import crc32

import msgspec

from dragoman.ledger.exchange import Exchange, Progress, settled

MAGIC = b"dragoman journal 1\n"
HEAD = Layout("<II")
"""Length and CRC-32 of what follows."""
FRAME_BYTES = 16 * 1024 * 1024
"""Longest frame that is believed; a real one has a few hundred bytes."""
RUNNING, PROGRESS, ENDED = b"R", b"P", b"E"
"""Kinds: an exchange that runs, a checkpoint of one, an exchange that is over."""

_ENCODER = msgspec.msgpack.Encoder()
_EXCHANGES = msgspec.msgpack.Decoder(Exchange)
_PROGRESS = msgspec.msgpack.Decoder(Progress)


def frame(record: Exchange | Progress) -> bytes:
    """The record's frame."""
    kind = PROGRESS if type(record) is Progress else RUNNING if getattr(record, "ended_ms", None) is None else ENDED
    payload = kind + _ENCODER.encode(record)
    return HEAD.pack(len(payload), crc32(payload)) + payload


class Reading:
    """Reads one segment from an offset on. Mutable: it knows how far it has come, and what it could not read."""

    def __init__(self, file: BinaryIO, offset: int = 0) -> None:
        self._file = file
        self.offset = max(offset, len(MAGIC))
        """Where the next frame begins."""
        self.damaged = 0

    def payloads(self) -> Iterator[bytes]:
        """Kind and record of each whole frame; ends at the first that is not, or not yet, there as a whole."""
        file = self._file
        file.seek(0)
        if file.read(len(MAGIC)) != MAGIC:
            return
        file.seek(self.offset)
        while len(head := file.read(HEAD.size)) == HEAD.size:
            length, crc = HEAD.unpack(head)
            payload = file.read(length) if 0 < length <= FRAME_BYTES else b""
            if len(payload) < max(length, 1):
                return
            self.offset += HEAD.size + length
            if crc32(payload) == crc:
                yield payload
            else:
                self.damaged += 1

    def exchanges(self) -> Iterator[Exchange]:
        """The exchanges that are over or run, each as often as it was written; checkpoints are passed over."""
        for payload in self.payloads():
            record = self._record(payload) if payload[:1] != PROGRESS else None
            if isinstance(record, Exchange):
                yield record

    def records(self) -> Iterator[Exchange | Progress]:
        """Every record."""
        for payload in self.payloads():
            if (record := self._record(payload)) is not None:
                yield record

    def _record(self, payload: bytes) -> Exchange | Progress | None:
        decoder = _PROGRESS if payload[:1] == PROGRESS else _EXCHANGES
        try:
            return decoder.decode(memoryview(payload)[1:])
        except (msgspec.DecodeError, UnicodeDecodeError):
            self.damaged += 1
            return None


def settle(paths: Iterable[Path]) -> Iterator[Exchange]:
    """What a process that is gone left in its segments, oldest first: its exchanges that are over as they come, then
    those that were still running, settled by the last that is known of them."""
    running: dict[str, Exchange] = {}
    progress: dict[str, Progress] = {}
    for path in paths:
        with path.open("rb") as file:
            for record in Reading(file).records():
                if isinstance(record, Progress):
                    progress[record.id] = record
                elif record.ended_ms is None:
                    running[record.id] = record
                else:
                    running.pop(record.id, None)
                    progress.pop(record.id, None)
                    yield record
    for exchange in running.values():
        yield settled(exchange, progress.get(exchange.id))
