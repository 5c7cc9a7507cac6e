"""The direct client against real sockets on loopback: what it keeps, what it passes over, and how it waits."""

from __future__ import annotations

import asyncio
import gzip

import pytest

from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.net.call import Answer, Call, Transport
from dragoman.net.direct import UNREAD_LIMIT
from tests.net.test_transport import OK, Talk, call, head_of, says, upstream, whole

LARGE = UNREAD_LIMIT * 40


def counting(answer: bytes, connections: list[int]) -> Talk:
    """A server that answers every request on a connection, and notes each connection."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(1)
        while True:
            await head_of(reader)
            writer.write(answer)
            await writer.drain()

    return talk


async def twice(transport: Transport, url: str) -> bytes:
    """Two whole answers, one after the other."""
    return await whole(transport, url) + await whole(transport, url)


@pytest.mark.parametrize(
    ("answer", "body", "connections"),
    [
        (OK, b"ok", 1),
        (b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", b"ok", 1),
        (b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nlink: x\r\n\r\n" + OK, b"ok", 1),
        (b"HTTP/1.1 204 No Content\r\n\r\n", b"", 1),
        (b"HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 2\r\n\r\nok", b"ok", 2),
        (OK + b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\nfake", b"ok", 2),
    ],
    ids=["counted", "chunked", "provisional", "empty", "closing", "surplus"],
)
def test_a_connection_is_kept_only_after_a_clean_end(answer: bytes, body: bytes, connections: int) -> None:
    made: list[int] = []

    assert upstream(counting(answer, made), twice) == body * 2
    assert len(made) == connections


def test_an_answer_without_a_length_ends_with_its_connection() -> None:
    assert upstream(says(b"HTTP/1.0 200 OK\r\n\r\nall of it"), whole) == b"all of it"


def test_an_answer_packed_unasked_is_unpacked() -> None:
    packed = gzip.compress(b"ok")
    head = b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n" % len(packed)

    assert upstream(says(head + packed), whole) == b"ok"


def test_what_nobody_reads_makes_the_upstream_wait() -> None:
    written: list[int] = []

    async def flood(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % (LARGE * 40))
        for _ in range(40):
            writer.write(bytes(LARGE))
            await writer.drain()
            written.append(LARGE)

    async def slowly(transport: Transport, url: str) -> bytes:
        answer: Answer = await transport.send(call(url))
        await asyncio.sleep(0.3)
        held_back = len(written) < 40
        size = 0
        while data := await answer.read():
            size += len(data)
        answer.close()
        return b"%d %d" % (held_back, size)

    assert upstream(flood, slowly) == b"1 %d" % (LARGE * 40)


def test_a_cancelled_call_closes_its_connection() -> None:
    closed: list[bytes] = []

    async def stall(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await head_of(reader)
        closed.append(await reader.read())

    async def give_up(transport: Transport, url: str) -> bytes:
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(transport.send(call(url)), 0.1)
        await asyncio.sleep(0.1)
        return b"".join(closed) + b"closed" * len(closed)

    assert upstream(stall, give_up) == b"closed"


def test_an_abort_is_no_proper_end_of_what_has_come() -> None:
    why = Trouble(problem(Kind.TIMEOUT, "The provider was asked but stopped. Try again."))

    async def late(transport: Transport, url: str) -> bytes:
        answer: Answer = await transport.send(call(url))
        await asyncio.sleep(0.1)
        answer.abort(why)
        return await answer.read()

    with pytest.raises(Trouble) as caught:
        upstream(says(OK), late)
    assert caught.value is why


def test_a_header_cannot_smuggle_another() -> None:
    async def smuggle(transport: Transport, url: str) -> bytes:
        answer = await transport.send(Call(url=url, headers={"x-a": "b\r\nx-c: d"}, upstream="up"))
        return await answer.whole()

    with pytest.raises(Trouble) as caught:
        upstream(says(OK), smuggle)
    assert caught.value.problem.kind is Kind.UNREACHABLE


@pytest.mark.parametrize("url", ["ftp://127.0.0.1/", "no address", "http:///path"])
def test_what_is_no_address_is_unreachable(url: str) -> None:
    async def ask(transport: Transport, _: str) -> bytes:
        return await (await transport.send(call(url))).whole()

    with pytest.raises(Trouble) as caught:
        upstream(says(OK), ask)
    assert caught.value.problem.kind is Kind.UNREACHABLE
