"""The strict edge: what uvicorn's parser lets through and a gateway must not (faults F65, F71).

Limits on time and size of head and body, on the number of headers, and on the Host header. Everything refused here
is answered with a short plain text and a closed connection, since no door has been reached yet.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Mapping
from typing import Any

from uvicorn.protocols.http.httptools_impl import STATUS_LINE, HttpToolsProtocol, RequestResponseCycle

HEAD_S = 15.0
"""Seconds a request's head may take."""
BODY_S = 60.0
"""Seconds a body may take, plus one for each `BODY_FLOOR` bytes received."""
BODY_FLOOR = 1024
FLOOD_BYTES = 64 * 1024 * 1024
"""Bytes of one body after which the line is cut. The doors refuse far less, but let a client finish and hear why."""
HEAD_BYTES = 65536
HEAD_COUNT = 100
_HOST = re.compile(rb"[A-Za-z0-9._\-]*(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")

REFUSALS: dict[int, tuple[bytes, str]] = {
    400: (b"Bad Request", "The request was read but is not valid HTTP. Send it again as HTTP/1.1."),
    408: (b"Request Timeout", "The request was awaited but came too slowly. Send it again without pauses."),
    431: (b"Request Header Fields Too Large", "The request's headers are too large or too many. Send fewer."),
}


class Line:
    """One request's line to its client: its answer, and what ASGI has no words for. See `relay.delivery.Caller`.

    Mutable: the app says what to do on leaving. An answer goes past uvicorn's own `send`, which would check each header
    by two patterns and write head and body by two system calls; here the head waits for the first of the body.
    """

    __slots__ = ("_chunked", "_cycle", "_head", "common", "leave", "left")

    def __init__(self, cycle: RequestResponseCycle) -> None:
        self._cycle = cycle
        self._head = b""
        self._chunked = True
        self.common: Mapping[str, str] = {}
        """Headers of every answer by this line."""
        self.left = False
        """Whether the client has gone."""
        self.leave: Callable[[], object] | None = None
        """Called once when the client goes before its answer is complete."""

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Makes status and headers, which leave with the first bytes of the body."""
        cycle = self._cycle
        told = {**self.common, **headers}
        if not "".join(told.values()).isprintable():
            told = {name: _printable(value) for name, value in told.items()}
        lines = [f"{name}: {value}\r\n" for name, value in told.items()]
        self._chunked = "content-length" not in told
        if self._chunked:
            lines.append("transfer-encoding: chunked\r\n")
        if not cycle.keep_alive:
            lines.append("connection: close\r\n")
        own = b"".join([b"%b: %b\r\n" % header for header in cycle.default_headers])
        self._head = b"%b%b%b\r\n" % (STATUS_LINE[status], own, "".join(lines).encode("latin-1", "replace"))
        cycle.response_started = True

    async def send(self, data: bytes) -> None:
        """Sends bytes of the body."""
        if self._cycle.flow.write_paused:
            await self._cycle.flow.drain()
        self._write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked and data else data)

    async def end(self, data: bytes = b"") -> None:
        """Sends the last bytes of the body."""
        if self._chunked:
            data = b"%x\r\n%b\r\n0\r\n\r\n" % (len(data), data) if data else b"0\r\n\r\n"
        cycle = self._cycle
        if cycle.flow.write_paused:
            await cycle.flow.drain()
        self._write(data)
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            cycle.transport.close()
        cycle.on_response()

    def _write(self, data: bytes) -> None:
        if not self._cycle.disconnected:
            self._cycle.transport.write(self._head + data)
            self._head = b""

    def drop(self) -> None:
        """Closes the connection at once, with whatever is still unsent."""
        self._cycle.transport.abort()

    def hang_up(self) -> None:
        """The client has gone."""
        self.left = True
        if self.leave is not None:
            self.leave()


def _printable(value: str) -> str:
    """A header's value without characters that could end it."""
    return "".join(character if character.isprintable() else " " for character in value)


LINE = "dragoman.line"
"""Name of the ASGI extension under which a request's `Line` is found in the scope."""


class Edge(HttpToolsProtocol):
    """uvicorn's protocol with limits. One per connection; mutable, as its parent is."""

    head_s = HEAD_S
    body_s = BODY_S

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._in_head = False
        self._head_bytes = 0
        self._field_bytes = 0
        self._body_bytes = 0
        self._refusal = 400
        self._awaiting = False
        self._timer: asyncio.TimerHandle | None = None
        self._lines: list[Line] = []

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as its parent
        """Starts waiting for the first head."""
        super().connection_made(transport)
        self._expect(self.head_s)

    def connection_lost(self, exc: Exception | None) -> None:
        """Stops waiting."""
        if self._timer is not None:
            self._timer.cancel()
        super().connection_lost(exc)
        for line in self._lines:
            line.hang_up()

    def data_received(self, data: bytes) -> None:
        """Passes bytes to the parser unless the head has grown too large."""
        self._head_bytes += len(data)
        super().data_received(data)
        if self._in_head and self._head_bytes > HEAD_BYTES and not self.transport.is_closing():
            self._refusal = 431
            self.send_400_response("")

    def on_message_begin(self) -> None:
        """A head begins."""
        super().on_message_begin()
        self._in_head, self._body_bytes, self._field_bytes = True, 0, 0
        self._expect(self.head_s)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Refuses one header too many, and one byte."""
        self._field_bytes += len(name) + len(value)
        if len(self.headers) >= HEAD_COUNT or self._field_bytes > HEAD_BYTES:
            self._refusal = 431
            raise ValueError
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Checks the Host header; the body is awaited from here."""
        hosts = [value for name, value in self.headers if name == b"host"]
        if len(hosts) > 1 or (not hosts and self.parser.get_http_version() == "1.1"):
            raise ValueError
        if hosts and not _HOST.fullmatch(hosts[0]):
            raise ValueError
        self._in_head = False
        self._expect(self.body_s)
        found: dict[object, object] = {}
        self.scope["extensions"] = {LINE: found}
        super().on_headers_complete()
        found["line"] = line = Line(self.cycle)  # before the application's first step
        self._lines = [*(earlier for earlier in self._lines if earlier.leave), line]  # pipelined ones still run

    def on_body(self, body: bytes) -> None:
        """Counts what came, which earns time, but not without end."""
        self._body_bytes += len(body)
        if self._body_bytes > FLOOD_BYTES:
            self.transport.close()
            return
        super().on_body(body)

    def on_message_complete(self) -> None:
        """The request is here: nothing is awaited any more."""
        self._relax()
        self._head_bytes = 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:  # noqa: ARG002 - the parent's words are not ours
        """Answers with the refusal that was found, and closes."""
        self._relax()
        reason, text = REFUSALS[self._refusal]
        self.transport.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: text/plain; charset=utf-8\r\ncontent-length: %d\r\n"
            b"connection: close\r\n\r\n%b" % (self._refusal, reason, len(text), text.encode())
        )
        self.transport.close()

    def _expect(self, within_s: float) -> None:
        """Awaits something. A timer that fires earlier looks back, so that requests in a row need no new one."""
        self._awaiting = True
        self._started_s = self.loop.time()
        if self._timer is None or self._timer.when() > self._started_s + within_s:
            self._arm(within_s)

    def _arm(self, in_s: float) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self.loop.call_later(in_s, self._late)

    def _relax(self) -> None:
        self._awaiting = False

    def _late(self) -> None:
        """A deadline may have come: a body that kept its pace earns more time, everything else is refused."""
        self._timer = None
        if self.transport.is_closing() or not self._awaiting:
            return
        allowed_s = self.head_s if self._in_head else self.body_s + self._body_bytes / BODY_FLOOR
        left_s = self._started_s + allowed_s - self.loop.time()
        if left_s > 0:
            self._arm(left_s)
            return
        if not self._head_bytes:
            self.transport.close()  # connected and never spoke: there is no request to answer
            return
        self._refusal = 408
        cycle: RequestResponseCycle | None = self.cycle
        if cycle is not None and not self._in_head and not cycle.response_complete:
            cycle.disconnected = True
            cycle.message_event.set()
        self.send_400_response("")
