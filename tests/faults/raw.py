"""A client that speaks bare bytes, for what no HTTP library will send, read or leave undone."""

from __future__ import annotations

import json
import socket
import struct
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.faults.client import PATHS, body_for, head_for

WAIT_S = 20.0


def head(door: str, *, stream: bool = True, **more: str) -> bytes:
    """The head of a request at a door, as far as the blank line."""
    fields = {"host": "127.0.0.1", **head_for(door), **{name.replace("_", "-"): value for name, value in more.items()}}
    lines = [f"POST {PATHS[door][stream]} HTTP/1.1", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def request(door: str, *, stream: bool = True, **changes: Any) -> bytes:
    """A whole ordinary request."""
    return posted(door, json.dumps(body_for(door, stream=stream, **changes)).encode(), stream=stream)


def posted(door: str, body: bytes, *, stream: bool = True, **more: str) -> bytes:
    """A request with this body."""
    return head(door, stream=stream, content_length=str(len(body)), **more) + body


@contextmanager
def line(port: int, *, receive_bytes: int | None = None) -> Iterator[socket.socket]:
    """A connection; with `receive_bytes` its window stays about that small."""
    connection = socket.socket()
    if receive_bytes is not None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_bytes)
    connection.settimeout(WAIT_S)
    connection.connect(("127.0.0.1", port))
    with connection:
        yield connection


def until(connection: socket.socket, mark: bytes) -> bytes:
    """What comes until a mark has come, or the line ends."""
    found = b""
    while mark not in found and (piece := connection.recv(65536)):
        found += piece
    return found


def to_the_end(connection: socket.socket) -> bytes:
    """Whatever still comes."""
    found = b""
    try:
        while piece := connection.recv(65536):
            found += piece
    except ConnectionError:
        pass
    return found


def leave(connection: socket.socket, *, rudely: bool = False) -> None:
    """Goes away, with a farewell or with a reset."""
    if rudely:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()
