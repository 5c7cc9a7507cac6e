"""The transport against real sockets on loopback: every way a connection can fail, and the few it mends."""

from __future__ import annotations

import asyncio
import gzip
import socket
import struct
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

import pytest

from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.net.transport import Answer, Call, Transport, open_transport

Talk = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]

OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"


async def head_of(reader: asyncio.StreamReader) -> bytes:
    """One request's head and its body of known length."""
    head = await reader.readuntil(b"\r\n\r\n")
    length = next(int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:"))
    return head + await reader.readexactly(length)


def reset(writer: asyncio.StreamWriter) -> None:
    """Closes with a reset instead of a farewell."""
    line = writer.get_extra_info("socket")
    line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def says(words: bytes, *, then: Callable[[asyncio.StreamWriter], None] = asyncio.StreamWriter.close) -> Talk:
    """A server that answers each request with these bytes, then ends the connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(words)
        await writer.drain()
        await asyncio.sleep(0.02)
        then(writer)

    return talk


def upstream(
    talk: Talk, act: Callable[[Transport, str], Awaitable[bytes]], proxies: Mapping[str, str] | None = None
) -> bytes:
    """What `act` makes of a transport and the address of a server that talks so."""
    talks: set[asyncio.Task[None]] = set()

    async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        talks.add(task)
        with suppress(asyncio.IncompleteReadError, ConnectionError):
            await talk(reader, writer)
        writer.close()
        with suppress(ConnectionError):
            await writer.wait_closed()

    async def scene() -> bytes:
        server = await asyncio.start_server(quiet, "127.0.0.1", 0)
        try:
            async with open_transport(proxies or {}) as transport:
                port = server.sockets[0].getsockname()[1]
                return await act(transport, f"http://127.0.0.1:{port}/v1")
        finally:
            server.close()
            await asyncio.gather(*talks)

    return asyncio.run(scene())


def call(url: str, connect_s: float = 5.0) -> Call:
    """A call as the relay makes them."""
    return Call(url=url, body=b"{}", headers={"accept-encoding": "identity"}, connect_s=connect_s, upstream="up")


async def whole(transport: Transport, url: str) -> bytes:
    """The whole answer."""
    answer: Answer = await transport.send(call(url))
    try:
        return await answer.whole()
    finally:
        answer.close()


def trouble_with(talk: Talk) -> Kind:
    """The kind of problem that a server's way of talking makes."""
    with pytest.raises(Trouble) as caught:
        upstream(talk, whole)
    return caught.value.problem.kind


async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Accepts and never says a word."""
    await reader.read()


BOMB = gzip.compress(bytes(80 * 1024 * 1024))

TALKS: dict[str, tuple[Talk, Kind]] = {
    "F17 reset before an answer": (says(b"", then=reset), Kind.CUT_SHORT),
    "closed before an answer": (says(b""), Kind.CUT_SHORT),
    "F52 reset within the answer": (
        says(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok", then=reset),
        Kind.CUT_SHORT,
    ),
    "F53 closed within the answer": (says(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nok"), Kind.CUT_SHORT),
    "closed within a chunk": (says(b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n9\r\nok"), Kind.CUT_SHORT),
    "F19 a head of 200 kB": (says(b"HTTP/1.1 200 OK\r\nx: " + b"a" * 200_000 + b"\r\n\r\n"), Kind.GARBLED),
    "not HTTP": (says(b"SSH-2.0-OpenSSH_9.2\r\n"), Kind.GARBLED),
    "F44 bytes that are not gzip": (
        says(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 2\r\n\r\nok"),
        Kind.GARBLED,
    ),
    "F44 a bomb": (
        says(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(BOMB) + BOMB),
        Kind.GARBLED,
    ),
}


@pytest.mark.parametrize("name", TALKS)
def test_each_way_to_break_an_answer_has_its_kind(name: str) -> None:
    talk, kind = TALKS[name]

    assert trouble_with(talk) is kind


def test_f01_a_refused_connection_is_unreachable() -> None:
    async def scene() -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            port = taken.getsockname()[1]
        async with open_transport({}) as transport:
            await transport.send(call(f"http://127.0.0.1:{port}/"))

    with pytest.raises(Trouble) as caught:
        asyncio.run(scene())
    assert caught.value.problem.kind is Kind.UNREACHABLE


def test_f06_a_tls_handshake_that_stalls_is_a_timeout() -> None:
    async def ask(transport: Transport, url: str) -> bytes:
        await transport.send(call(url.replace("http:", "https:"), connect_s=0.2))
        return b""

    with pytest.raises(Trouble) as caught:
        upstream(silent, ask)
    assert caught.value.problem.kind is Kind.TIMEOUT


def test_f07_what_does_not_speak_tls_is_told_as_tls() -> None:
    async def plain(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.read(1)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        await writer.drain()

    async def ask(transport: Transport, url: str) -> bytes:
        await transport.send(call(url.replace("http:", "https:")))
        return b""

    with pytest.raises(Trouble) as caught:
        upstream(plain, ask)
    assert caught.value.problem.kind is Kind.TLS


def test_f09_a_kept_connection_found_closed_is_replaced_at_once() -> None:
    served: list[int] = []

    async def once_each(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        served.append(1)
        writer.write(OK)
        await writer.drain()
        if len(served) == 1:
            await head_of(reader)
            reset(writer)

    async def twice(transport: Transport, url: str) -> bytes:
        return await whole(transport, url) + await whole(transport, url)

    assert upstream(once_each, twice) == b"okok"


def test_f35_a_redirect_is_an_answer_and_never_followed() -> None:
    async def ask(transport: Transport, url: str) -> bytes:
        answer = await transport.send(call(url))
        answer.close()
        return b"%d" % answer.status

    talk = says(b"HTTP/1.1 307 Moved\r\nlocation: http://127.0.0.1:1/\r\ncontent-length: 0\r\n\r\n")
    assert upstream(talk, ask) == b"307"


def test_an_abort_wakes_a_pending_read() -> None:
    why = Trouble(problem(Kind.TIMEOUT, "The provider was asked but stopped. Try again."))

    async def ask(transport: Transport, url: str) -> bytes:
        answer = await transport.send(call(url))
        asyncio.get_running_loop().call_later(0.05, answer.abort, why)
        return await answer.read()

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n")
        await reader.read()

    with pytest.raises(Trouble) as caught:
        upstream(stall, ask)
    assert caught.value is why


def test_pitfall_142_the_environments_proxy_is_not_used_for_loopback() -> None:
    assert upstream(says(OK), whole, {"http": "http://127.0.0.1:1", "no": ""}) == b"ok"


def test_f11_a_dead_proxy_is_told_as_a_proxy() -> None:
    async def scene() -> None:
        async with open_transport({"http": "http://127.0.0.1:1"}) as transport:
            await transport.send(call("http://upstream.invalid/"))

    with pytest.raises(Trouble) as caught:
        asyncio.run(scene())
    assert caught.value.problem.kind is Kind.UNREACHABLE
    assert "proxy" in caught.value.problem.message
