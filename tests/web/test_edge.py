"""Raw bytes against the edge: what is not plain HTTP/1.1 is refused before any door (faults F65, F67, F71)."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable

import pytest
import uvicorn

from dragoman.web.asgi import Receive, Scope, Send
from dragoman.web.edge import Edge

REFUSED: dict[str, tuple[bytes, int]] = {
    "no host": (b"GET / HTTP/1.1\r\n\r\n", 400),
    "two hosts": (b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
    "host that is none": (b"GET / HTTP/1.1\r\nHost: a/b@c\r\n\r\n", 400),
    "length and chunks": (
        b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400,
    ),
    "two lengths": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nContent-Length: 4\r\n\r\nabcd", 400),
    "negative length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
    "signed length": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: +3\r\n\r\nabc", 400),
    "folded header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\r\n c\r\n\r\n", 400),
    "bare line feeds": (b"GET / HTTP/1.1\nHost: a\n\n", 400),
    "a bare line feed": (b"GET / HTTP/1.1\r\nHost: a\nX: b\r\n\r\n", 400),
    "a bare carriage return": (b"GET / HTTP/1.1\r\nHost: a\r\nX: b\rY: c\r\n\r\n", 400),
    "blank before the colon": (b"GET / HTTP/1.1\r\nHost : a\r\n\r\n", 400),
    "NUL in a header": (b"GET / HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n", 400),
    "unknown transfer encoding": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n", 400),
    "two transfer encodings": (
        b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
        400,
    ),
    "chunk size that is none": (b"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n\r\n", 400),
    "another protocol": (b"\x16\x03\x01\x02\x00\x01\x00\x01", 400),
    "HTTP/2 preface": (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", 400),
    "a thousand headers": (b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X: y\r\n" * 1000 + b"\r\n", 431),
    "a header of 70 kB": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70000 + b"\r\n\r\n", 431),
    "a head without end": (b"GET / HTTP/1.1\r\nHost: a\r\nX: " + b"a" * 70000, 431),
    "a head that stops": (b"GET / HTTP/1.1\r\nHo", 408),
    "a body that stops": (b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\nabc", 408),
}


class HastyEdge(Edge):
    """An edge that waits half a second, so that slow requests can be tried."""

    head_s = 0.5
    body_s = 0.5


async def echo_length(_: Scope, receive: Receive, send: Send) -> None:
    """Answers with the body's length, unless the client has gone."""
    size = 0
    while (message := await receive())["type"] == "http.request":
        size += len(message.get("body", b""))
        if not message.get("more_body", False):
            await send({"type": "http.response.start", "status": 200, "headers": []})
            await send({"type": "http.response.body", "body": b"%d" % size})
            return


async def at_edge(act: Callable[[int], Awaitable[bytes]]) -> bytes:
    """What `act` makes of a server with a hasty edge on the port it is given."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        config = uvicorn.Config(echo_length, http=HastyEdge, ws="none", lifespan="off", log_config=None)
        server = uvicorn.Server(config)
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            return await act(listener.getsockname()[1])
        finally:
            server.should_exit = True
            await serving


async def say(port: int, words: bytes) -> bytes:
    """All that comes back for these bytes until the server closes or has answered."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(words)
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    return head


@pytest.mark.parametrize("name", REFUSED)
def test_f71_f65_what_is_not_plain_http_is_refused_and_the_line_closed(name: str) -> None:
    words, status = REFUSED[name]

    head = asyncio.run(at_edge(lambda port: say(port, words)))

    assert head.startswith(b"HTTP/1.1 %d " % status)
    assert b"connection: close" in head


def test_a_plain_request_passes_the_edge() -> None:
    words = b"POST / HTTP/1.1\r\nHost: [::1]:8090\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n"

    assert asyncio.run(at_edge(lambda port: say(port, words))).startswith(b"HTTP/1.1 200 ")
