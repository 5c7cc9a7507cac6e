"""The demo model as a server on loopback: as much of HTTP/1.1 as an HTTP client needs, on the standard library.

Theory: it must be a real server, since the point is to see the whole chain; and it must bring no package, since it
runs wherever the gateway does.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from zlib import crc32

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from dragoman.demo import wire
from dragoman.demo.model import answer

PAUSE_S = 0.02
"""Between two frames of a stream, so that streaming can be seen."""
HEAD_LIMIT = 128 * 1024
BODY_LIMIT = 64 * 1024 * 1024

_ASK = msgspec.json.Decoder(wire.Ask)

Stop = Callable[[], Awaitable[None]]


class _Received(Struct, frozen=True):
    """One request."""

    method: str
    path: str
    body: bytes


async def start(port: int = 0, pause_s: float = PAUSE_S) -> tuple[str, Stop]:
    """Starts the demo model in this event loop: its base address, as an OpenAI SDK takes it, and how to stop it."""
    connections: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task:
            connections.add(task)
            task.add_done_callback(connections.discard)
        try:
            while received := await _receive(reader):
                await _respond(received, writer, pause_s)
        except (ConnectionError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ValueError):
            pass
        finally:
            writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", port, limit=HEAD_LIMIT)

    async def stop() -> None:
        server.close()
        for task in connections:
            task.cancel()
        await asyncio.gather(*connections, return_exceptions=True)
        await server.wait_closed()

    taken = server.sockets[0].getsockname()[1]
    return f"http://127.0.0.1:{taken}/v1", stop


async def _receive(reader: asyncio.StreamReader) -> _Received | None:
    """The next request of a connection; None once it was closed."""
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.IncompleteReadError:
        return None
    request_line, *lines = head.decode("latin-1").split("\r\n")
    method, path, _ = request_line.split(" ", 2)
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    if "transfer-encoding" in headers or not 0 <= length <= BODY_LIMIT:
        raise ValueError("a body of unknown or excessive length")
    return _Received(method, path.partition("?")[0], await reader.readexactly(length))


async def _respond(received: _Received, writer: asyncio.StreamWriter, pause_s: float) -> None:
    match received.method, received.path:
        case "POST", "/v1/chat/completions":
            await _complete(received.body, writer, pause_s)
        case "GET", "/v1/models":
            await _send(writer, 200, wire.model_list())
        case _:
            await _send(writer, 404, wire.error("The demo model knows only chat completions and the model list."))


async def _complete(body: bytes, writer: asyncio.StreamWriter, pause_s: float) -> None:
    """Answers one request for a completion."""
    try:
        ask = _ASK.decode(body)
    except msgspec.DecodeError as found:
        await _send(writer, 400, wire.error(f"The body was read as a chat request but is none: {found}."))
        return
    # Agents tell answers apart by their ids; the same question may well have the same.
    said = replace(answer(ask), id=f"chatcmpl-demo-{crc32(body):08x}")
    usage = wire.usage_of(body, said)
    if not ask.stream:
        await _send(writer, 200, wire.whole(said, usage))
        return
    writer.write(
        b"HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\ncache-control: no-cache\r\n"
        b"transfer-encoding: chunked\r\n\r\n"
    )
    for frame in wire.stream(said, usage if (ask.stream_options or {}).get("include_usage") else None):
        writer.write(b"%x\r\n%b\r\n" % (len(frame), frame))
        await writer.drain()
        await asyncio.sleep(pause_s)
    writer.write(b"0\r\n\r\n")
    await writer.drain()


async def _send(writer: asyncio.StreamWriter, status: int, body: bytes) -> None:
    reasons = {200: "OK", 400: "Bad Request", 404: "Not Found"}
    head = (
        f"HTTP/1.1 {status} {reasons[status]}\r\ncontent-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    )
    writer.write(head.encode() + body)
    await writer.drain()
