"""The only HTTP client, behind one small interface: a call goes out, an answer is read as it arrives.

Rules: redirects are never followed, cookies never kept, credentials never logged. Whatever goes wrong comes out as
a `Trouble` whose problem names the phase. Limits on the whole (first content, idle) are the caller's, who may
`abort` an answer from a timer; the limit on connecting is the call's.

Theory: aiohttp, since it costs a seventh of what httpx does per stream. An idle connection that the upstream closed
just as we wrote to it is re-sent once on a new connection, since nothing of the request can have been processed.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Protocol
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # missing from typeshed

import aiohttp
from msgspec import Struct, field

from dragoman.canon.problem import Kind, Trouble, problem

ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of a whole answer, unpacked (F44)."""
ERROR_LIMIT = 256 * 1024
"""Bytes of an error answer that are read."""
LOOPBACK = ("localhost", "127.", "::1", "[::1]")


class Call(Struct, frozen=True, kw_only=True):
    """One HTTP request, described before it is sent."""

    method: str = "POST"
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    connect_s: float = 5.0
    """Limit on name look-up, connection and TLS together."""
    proxy: str | None = None
    upstream: str = ""
    """Name of the channel, for messages."""


class Answer(Protocol):
    """An answer whose headers have come."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""

    async def read(self) -> bytes:
        """The bytes that have arrived since, at least one; empty at the proper end. Raises `Trouble`."""

    async def whole(self, limit: int = ANSWER_LIMIT) -> bytes:
        """The whole body. Raises `Trouble`, also past the limit."""

    def abort(self, why: Trouble) -> None:
        """Makes a pending or later `read` raise `why` and closes the connection."""

    def close(self) -> None:
        """Lets go: the connection is kept if the answer was read to its end, else closed at once."""


class Transport(Protocol):
    """Sends calls."""

    async def send(self, call: Call) -> Answer:
        """The answer, once its headers have come. Raises `Trouble` (unreachable, timeout, tls, cut_short, garbled)."""


class AiohttpAnswer:
    """An answer of aiohttp."""

    __slots__ = ("_response", "_upstream", "headers", "status")

    def __init__(self, response: aiohttp.ClientResponse, upstream: str) -> None:
        self._response = response
        self._upstream = upstream
        self.status = response.status
        self.headers: Mapping[str, str] = {name.lower(): value for name, value in response.headers.items()}

    async def read(self) -> bytes:
        """See `Answer`."""
        try:
            return await self._response.content.readany()
        except Exception as found:
            raise as_trouble(found, self._upstream, underway=True) from found

    async def whole(self, limit: int = ANSWER_LIMIT) -> bytes:
        """See `Answer`."""
        pieces: list[bytes] = []
        size = 0
        while piece := await self.read():
            size += len(piece)
            if size > limit:
                self._response.close()
                raise _trouble(
                    Kind.GARBLED, self._upstream, f"sent more than {limit} bytes", "Ask for a smaller answer."
                )
            pieces.append(piece)
        return b"".join(pieces)

    def abort(self, why: Trouble) -> None:
        """See `Answer`."""
        self._response.content.set_exception(why)
        self._response.close()

    def close(self) -> None:
        """See `Answer`."""
        if self._response.content.at_eof():
            self._response.release()
        else:
            self._response.close()


class AiohttpTransport:
    """The transport in use; made by `open_transport`."""

    def __init__(self, session: aiohttp.ClientSession, proxies: Mapping[str, str]) -> None:
        self._session = session
        self._proxies = dict(proxies)

    async def send(self, call: Call) -> Answer:
        """See `Transport`."""
        try:
            return await self._send(call)
        except _StaleConnection:
            return await self._send(call, fresh=True)

    async def _send(self, call: Call, *, fresh: bool = False) -> Answer:
        used = SimpleNamespace(reused=False)
        try:
            response = await self._session.request(
                call.method,
                call.url,
                data=call.body or None,
                headers=call.headers,
                allow_redirects=False,
                proxy=call.proxy or self._proxy_for(call.url),
                timeout=aiohttp.ClientTimeout(total=None, connect=call.connect_s),
                trace_request_ctx=used,
            )
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError) as found:
            if used.reused and not fresh and not isinstance(found, aiohttp.ClientConnectorError):
                raise _StaleConnection from found
            raise as_trouble(found, call.upstream, underway=False) from found
        except Exception as found:
            raise as_trouble(found, call.upstream, underway=False) from found
        return AiohttpAnswer(response, call.upstream)

    def _proxy_for(self, url: str) -> str | None:
        """The environment's proxy for an address; never for loopback, which would send the gateway to itself."""
        parts = urlsplit(url)
        proxy = self._proxies.get(parts.scheme) or self._proxies.get("all")
        host = parts.hostname or ""
        if not proxy or host.startswith(LOOPBACK) or proxy_bypass_environment(host, self._proxies):
            return None
        return proxy


class _StaleConnection(Exception):  # noqa: N818 - never leaves this module
    """A kept connection turned out to be closed before anything of the answer came."""


@asynccontextmanager
async def open_transport(proxies: Mapping[str, str]) -> AsyncIterator[AiohttpTransport]:
    """A transport for as long as the context lasts; `proxies` by scheme, as the environment gives them."""
    tracing = aiohttp.TraceConfig()
    tracing.on_connection_reuseconn.append(_note_reuse)
    connector = aiohttp.TCPConnector(limit=0, ttl_dns_cache=300, keepalive_timeout=30, socket_factory=_socket)
    async with aiohttp.ClientSession(
        connector=connector,
        cookie_jar=aiohttp.DummyCookieJar(),
        trace_configs=[tracing],
        skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
        max_line_size=65536,
        max_field_size=65536,
    ) as session:
        yield AiohttpTransport(session, proxies)


async def _note_reuse(_session: object, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.reused = True


def _socket(address: aiohttp.AddrInfoType) -> socket.socket:
    """A socket that finds out within 150 s that its peer has vanished (F55)."""
    family, kind, protocol = address[:3]
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in (("TCP_KEEPIDLE", 30), ("TCP_KEEPINTVL", 30), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, name):
            made.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
    return made


def _trouble(kind: Kind, upstream: str, found: str, remedy: str, evidence: str = "") -> Trouble:
    return Trouble(problem(kind, f"The provider '{upstream}' was called but {found}. {remedy}", evidence=evidence))


def as_trouble(found: Exception, upstream: str, *, underway: bool) -> Trouble:
    """A client library's exception in our words. `underway`: the answer's headers had come already."""
    match found:
        case Trouble():
            return found
        case ssl.SSLError() | aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
            return _trouble(
                Kind.TLS,
                upstream,
                "its certificate was not accepted",
                "Check the address and the CA bundle.",
                str(found),
            )
        case aiohttp.ClientConnectorDNSError():
            return _trouble(Kind.UNREACHABLE, upstream, "its host name has no address", "Check base_url and DNS.")
        case aiohttp.ClientHttpProxyError() | aiohttp.ClientProxyConnectionError():
            return _trouble(Kind.UNREACHABLE, upstream, "the proxy on the way refused", "Check the proxy settings.")
        case asyncio.TimeoutError():
            where = "stopped answering" if underway else "took too long to accept the connection"
            return _trouble(Kind.TIMEOUT, upstream, where, "Try again later.")
        case aiohttp.ClientConnectorError():
            return _trouble(
                Kind.UNREACHABLE, upstream, "the connection was refused", "Check base_url and that the server runs."
            )
        case aiohttp.ClientPayloadError() if "encoding" in str(found).lower() and "content" in str(found).lower():
            return _trouble(Kind.GARBLED, upstream, "its compressed answer cannot be unpacked", "Try again.")
        case aiohttp.ClientResponseError():
            return _trouble(Kind.GARBLED, upstream, "what came back is not HTTP", "Check base_url.", found.message)
        case aiohttp.InvalidURL():
            return _trouble(Kind.UNREACHABLE, upstream, "its address is not a URL", "Correct base_url.")
        case _:
            phase = "broke off its answer" if underway else "closed the connection without an answer"
            return _trouble(Kind.CUT_SHORT, upstream, f"it {phase}", "Try again.", type(found).__name__)
