"""One HTTP/1.1 connection of the stand-in: requests in, acts out."""

from __future__ import annotations

import asyncio
import socket
import struct
from collections.abc import Awaitable, Callable, Iterable
from http import HTTPStatus
from typing import cast

import httptools

from tests.standin.acts import Act, Body, Close, Doom, End, Head, Pause, Raw, Reset, Silence


class Incoming:
    """One request as it came over the wire; filled by the parser."""

    def __init__(self) -> None:
        self.method = ""
        self.target = b""
        self.headers: list[tuple[str, str]] = []
        self.body = bytearray()

    def header(self, name: str) -> str:
        """The last value of a header, or an empty string."""
        return next((value for known, value in reversed(self.headers) if known == name), "")


class Performed:
    """What became of one performance; mutable because it is written while it goes on."""

    def __init__(self) -> None:
        self.body_bytes = 0
        self.model_bytes = 0
        self.ended = False


class Connection(asyncio.Protocol):
    """Parses requests, answers them one after another, and knows when the client has left."""

    def __init__(
        self,
        answer: Callable[[Connection, Incoming], Awaitable[None]],
        opened: Callable[[], Iterable[Act] | None],
    ) -> None:
        self._answer = answer
        self._opened = opened
        self._requests: asyncio.Queue[Incoming] = asyncio.Queue()
        self._writable = asyncio.Event()
        self._doomed = False
        self.left = asyncio.Event()
        """Set when the connection is over, whoever ended it."""
        self.hung_up = False
        """Whether the stand-in ended it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._parser = httptools.HttpRequestParser(self)
        self._writable.set()
        self.task = asyncio.get_running_loop().create_task(self._serve(self._opened()))

    def data_received(self, data: bytes) -> None:
        if self._doomed and self._requests.empty():
            self.reset()
            return
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError:
            self._transport.write(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            self._transport.close()

    def eof_received(self) -> bool:
        self.left.set()
        return False

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.left.set()
        self._writable.set()
        self.task.cancel()

    def pause_writing(self) -> None:
        self._writable.clear()

    def resume_writing(self) -> None:
        self._writable.set()

    def on_message_begin(self) -> None:
        self._incoming = Incoming()

    def on_url(self, url: bytes) -> None:
        self._incoming.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._incoming.headers.append((name.decode("latin-1").lower(), value.decode("latin-1")))

    def on_body(self, body: bytes) -> None:
        self._incoming.body += body

    def on_message_complete(self) -> None:
        self._incoming.method = self._parser.get_method().decode("ascii")
        self._requests.put_nowait(self._incoming)

    async def _serve(self, greeting: Iterable[Act] | None) -> None:
        if greeting is not None:
            await self.perform(greeting, Performed())
        while not self._transport.is_closing():
            await self._answer(self, await self._requests.get())

    async def perform(self, acts: Iterable[Act], done: Performed) -> None:
        """Does the acts until they end, the client leaves, or one of them ends the connection."""
        chunked = False
        for act in acts:
            if self.left.is_set() or self._transport.is_closing():
                return
            match act:
                case Head():
                    chunked = act.framing == "chunked"
                    self._write(head_bytes(act))
                case Body(data, of_model):
                    if chunked and data:
                        self._write(b"%x\r\n%b\r\n" % (len(data), data))
                    else:
                        self._write(data)
                    done.body_bytes += len(data)
                    done.model_bytes += len(data) if of_model else 0
                case Raw(data):
                    self._write(data)
                case End():
                    self._write(b"0\r\n\r\n" if chunked else b"")
                    done.ended = True
                case Doom():
                    self._doomed = True
                case _:
                    await self._stop(act)
            await self._breathe()

    async def _stop(self, act: Pause | Silence | Reset | Close | Act) -> None:
        """The acts in which nothing is written."""
        match act:
            case Pause(seconds):
                await self._wait_for_leaving(seconds)
            case Silence():
                await self.left.wait()
            case Reset():
                self.reset()
            case Close():
                self.hung_up = True
                self._transport.close()

    async def _wait_for_leaving(self, seconds: float) -> None:
        try:
            await asyncio.wait_for(self.left.wait(), seconds)
        except TimeoutError:
            return

    async def _breathe(self) -> None:
        """Lets the loop notice a client that left, and waits for one that reads slowly."""
        await asyncio.sleep(0)
        await self._writable.wait()

    def _write(self, data: bytes) -> None:
        if data and not self._transport.is_closing():
            self._transport.write(data)

    def reset(self) -> None:
        """Ends the connection with RST: lingering for no time throws away what was not sent."""
        self.hung_up = True
        raw = self._transport.get_extra_info("socket")
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._transport.abort()

    def hang_up(self) -> None:
        """Closes at once, for the end of the stand-in itself; a line that is gone already cannot be aborted."""
        self.hung_up = True
        if not self.left.is_set():
            self._transport.abort()


def head_bytes(head: Head) -> bytes:
    """The status line and headers, with the framing's own header."""
    phrase = HTTPStatus(head.status).phrase if head.status in HTTPStatus._value2member_map_ else "Overloaded"
    lines = [f"HTTP/1.1 {head.status} {phrase}", *(f"{name}: {value}" for name, value in head.headers)]
    if head.framing == "chunked":
        lines.append("transfer-encoding: chunked")
    if head.framing == "until_close":
        lines.append("connection: close")
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1")
