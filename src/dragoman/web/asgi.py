"""The little of ASGI that the hot path needs: types, a client to answer to, and short answers of our own."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, MutableMapping
from typing import Any, TypeAlias

import msgspec

from dragoman.canon.problem import Kind, refuse
from dragoman.web.edge import LINE, Line
from dragoman.web.guard import KEY_HEADERS
from dragoman.web.packed import check_packing, unpacked

Scope: TypeAlias = MutableMapping[str, Any]
Message: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[Message]]
Send: TypeAlias = Callable[[Message], Awaitable[None]]

BODY_LIMIT = 32 * 1024 * 1024
"""Bytes of a request's body (Anthropic's own limit)."""


class Gone(Exception):  # noqa: N818 - a client's choice, not an error
    """The client left before its request was complete."""


class AsgiCaller:
    """Answers one request under any ASGI server. See `relay.delivery.Caller`."""

    __slots__ = ("_common", "_send")

    def __init__(self, send: Send, common: Mapping[str, str]) -> None:
        self._send = send
        self._common = common

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Sends status and headers."""
        pairs = [
            (name.encode(), value.encode("latin-1", "replace")) for name, value in {**self._common, **headers}.items()
        ]
        await self._send({"type": "http.response.start", "status": status, "headers": pairs})

    async def send(self, data: bytes) -> None:
        """Sends bytes of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": True})

    async def end(self, data: bytes = b"") -> None:
        """Sends the last bytes of the body."""
        await self._send({"type": "http.response.body", "body": data, "more_body": False})

    def drop(self) -> None:
        """Nothing: ASGI has no word for it."""


def take_line(scope: Scope) -> Line | None:
    """The request's line to its client; None under a server that is not ours.

    It leaves the scope, which it knows: each would hold the other until the garbage collector comes.
    """
    found = scope.get("extensions", {}).get(LINE, {}).pop("line", None)
    return found if isinstance(found, Line) else None


def headers_of(scope: Scope) -> dict[str, str]:
    """The request's headers by lower-case name; lines of one name are one list, but of several keys the last counts.

    RFC 9110 section 5.3 (read 2026-11-20): `anthropic-beta` may come in lines as well as in one.
    """
    found: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found and name not in KEY_HEADERS else value
    return found


def query_of(scope: Scope) -> str:
    """The request's query, as it was written."""
    raw: bytes = scope.get("query_string", b"")
    return raw.decode("latin-1")


async def read_body(headers: Mapping[str, str], receive: Receive) -> bytes:
    """The whole body, unpacked. Raises `Trouble` (too_large, unsupported, invalid_request) and `Gone`."""
    encoding = check_packing(headers.get("content-encoding", ""))
    body = await _received(headers, receive)
    if not encoding:
        return body
    plain = unpacked(body, encoding, BODY_LIMIT)
    if plain is None:
        raise _too_large()
    return plain


async def _received(headers: Mapping[str, str], receive: Receive) -> bytes:
    """The whole body as it came."""
    announced = headers.get("content-length", "")
    if announced.isdigit() and int(announced) > BODY_LIMIT:
        raise _too_large()
    first = await receive()
    if first["type"] == "http.disconnect":
        raise Gone
    body: bytes = first.get("body", b"")
    if not first.get("more_body", False):
        if len(body) > BODY_LIMIT:
            raise _too_large()
        return body
    pieces, size = [body], len(body)
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Gone
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > BODY_LIMIT:
            raise _too_large()
        if not message.get("more_body", False):
            return b"".join(pieces)


def _too_large() -> Exception:
    return refuse(
        Kind.TOO_LARGE,
        f"The request was received but is larger than {BODY_LIMIT // 1024 // 1024} MiB. Send less at once.",
    )


async def answer_json(send: Send, status: int, value: object, headers: Mapping[str, str] | None = None) -> None:
    """A short JSON answer of our own."""
    await answer_bytes(send, status, msgspec.json.encode(value), headers)


async def answer_bytes(send: Send, status: int, body: bytes, headers: Mapping[str, str] | None = None) -> None:
    """A whole answer."""
    sized = {"content-type": "application/json", "content-length": str(len(body)), **(headers or {})}
    await AsgiCaller(send, {}).start(status, sized)
    await send({"type": "http.response.body", "body": body, "more_body": False})
