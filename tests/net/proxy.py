"""A proxy and a server for tests: the one opens tunnels and passes plain requests on, the other says `ok`."""

from __future__ import annotations

import asyncio
import contextlib
import ssl
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

CERTIFICATES = Path(__file__).parents[1] / "faults" / "certificates"
AUTHORITY = CERTIFICATES / "authority.pem"


class Counted:
    """What a server has seen. Mutable: it counts."""

    def __init__(self) -> None:
        self.connections = 0
        self.heads: list[str] = []
        self.port = 0

    @property
    def host(self) -> str:
        """Where it listens."""
        return f"127.0.0.1:{self.port}"


@contextlib.contextmanager
def _until_it_leaves(writer: asyncio.StreamWriter) -> Iterator[None]:
    with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, OSError):
        yield
    writer.close()


@asynccontextmanager
async def server(*, tls: bool = False) -> AsyncIterator[Counted]:
    """A server that answers each request with `ok`; with `tls`, by a certificate that no system trusts."""
    seen = Counted()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        with _until_it_leaves(writer):
            while head := await reader.readuntil(b"\r\n\r\n"):
                seen.heads.append(head.decode().lower())
                writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    context = None
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / "good.pem")
    listening = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=context)
    seen.port = listening.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        listening.close()
        await asyncio.sleep(0.05)  # lets its lines notice


@asynccontextmanager
async def proxy() -> AsyncIterator[Counted]:
    """An HTTP proxy: `CONNECT` opens a tunnel, a whole address is asked for in the caller's place. It reaches no other
    machine."""
    seen = Counted()

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        seen.connections += 1
        with _until_it_leaves(writer):
            head = await reader.readuntil(b"\r\n\r\n")
            seen.heads.append(head.decode().lower())
            verb, target, _ = head.decode().split(" ", 2)
            place = urlsplit(f"//{target}" if verb == "CONNECT" else target)
            if place.hostname != "127.0.0.1":
                return
            far_reader, far_writer = await asyncio.open_connection(place.hostname, place.port)
            if verb == "CONNECT":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                far_writer.write(head.replace(target.encode(), place.path.encode() or b"/", 1))
            await asyncio.gather(_passed(reader, far_writer), _passed(far_reader, writer))

    listening = await asyncio.start_server(talk, "127.0.0.1", 0)
    seen.port = listening.sockets[0].getsockname()[1]
    try:
        yield seen
    finally:
        listening.close()
        await asyncio.sleep(0.05)


async def _passed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with _until_it_leaves(writer):
        while data := await reader.read(65536):
            writer.write(data)
