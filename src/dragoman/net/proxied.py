"""The client for calls that a proxy stands in the way of: aiohttp, which knows how to speak to proxies.

Rules: as in `direct`, whose calls it takes over where it must.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Mapping
from functools import partial
from types import SimpleNamespace
from typing import Any

import aiohttp

from dragoman.canon.problem import Kind, Trouble
from dragoman.net.call import ANSWER_LIMIT, Answer, Call, out_of_reach, trouble, watchful_socket, whole_of
from dragoman.net.tls import context_for
from dragoman.net.within import Reach, unfit


class ProxiedAnswer:
    """An answer of aiohttp. See `call.Answer`."""

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
        return await whole_of(self, limit, self._upstream)

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


class ProxiedTransport:
    """Sends calls through proxies. Mutable: it keeps connections. Made within a running event loop."""

    def __init__(self) -> None:
        self._sessions: dict[tuple[Reach, bool], aiohttp.ClientSession] = {}

    def _session(self, reach: Reach, *, keepalive: bool) -> aiohttp.ClientSession:
        """Where connections that may reach so far are kept, or opened for one call each."""
        if (reach, keepalive) not in self._sessions:
            self._sessions[reach, keepalive] = self._opened(reach, keepalive=keepalive)
        return self._sessions[reach, keepalive]

    def _opened(self, reach: Reach, *, keepalive: bool) -> aiohttp.ClientSession:
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_reuseconn.append(_note_reuse)
        return aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                limit=0,
                ttl_dns_cache=300,
                keepalive_timeout=30 if keepalive else None,
                force_close=not keepalive,
                socket_factory=partial(_checked_socket, reach) if reach != "anywhere" else watchful_socket,
            ),
            cookie_jar=aiohttp.DummyCookieJar(),
            trace_configs=[tracing],
            skip_auto_headers=("User-Agent", "Accept", "Accept-Encoding"),
            max_line_size=65536,
            max_field_size=65536,
        )

    async def close(self) -> None:
        """Closes every connection."""
        for session in self._sessions.values():
            await session.close()

    async def send(self, call: Call, proxy: str | None) -> Answer:
        """The answer to a call through this proxy. See `call.Transport`."""
        try:
            return await self._send(call, proxy)
        except _StaleConnection:
            return await self._send(call, proxy, fresh=True)

    async def _send(self, call: Call, proxy: str | None, *, fresh: bool = False) -> Answer:
        used = SimpleNamespace(reused=False)
        try:
            # The environment's proxy is the operator's own word, as a named one is an admin's; what a channel says
            # itself is held to the channel's reach.
            held = not proxy or (call.proxy and not call.named_proxy)
            session = self._session(call.reach if held else "anywhere", keepalive=call.keepalive)
            response = await session.request(
                call.method,
                call.url,
                data=call.body or None,
                headers=call.headers,
                allow_redirects=False,
                proxy=proxy,
                ssl=context_for(call.tls, call.upstream) if call.url.startswith("https:") else True,
                timeout=aiohttp.ClientTimeout(total=None, connect=call.connect_s),
                trace_request_ctx=used,
            )
        except (aiohttp.ServerDisconnectedError, aiohttp.ClientOSError, ConnectionError) as found:
            if used.reused and not fresh and not isinstance(found, aiohttp.ClientConnectorError):
                raise _StaleConnection from found
            raise as_trouble(found, call.upstream, underway=False) from found
        except Exception as found:
            raise as_trouble(found, call.upstream, underway=False) from found
        return ProxiedAnswer(response, call.upstream)


def _checked_socket(reach: Reach, address: tuple[Any, ...]) -> socket.socket:
    """A socket for an address within reach. Raises `_OutOfReach`."""
    if found := unfit(str(address[4][0]), reach):
        raise _OutOfReach(found)
    return watchful_socket(address)


class _OutOfReach(OSError):  # noqa: N818 - never leaves this module
    """An address that is not to be connected to."""


class _StaleConnection(Exception):  # noqa: N818 - never leaves this module
    """A kept connection turned out to be closed before anything of the answer came."""


async def _note_reuse(_session: object, context: SimpleNamespace, _params: object) -> None:
    context.trace_request_ctx.reused = True


def as_trouble(found: Exception, upstream: str, *, underway: bool) -> Trouble:
    """A client library's exception in our words. `underway`: the answer's headers had come already."""
    match found:
        case Trouble():
            return found
        case aiohttp.ClientConnectorError(os_error=_OutOfReach()):
            return out_of_reach(upstream, str(found.os_error))
        case ssl.SSLError() | aiohttp.ClientSSLError() | aiohttp.ServerFingerprintMismatch():
            return trouble(
                Kind.TLS,
                upstream,
                "its certificate was not accepted",
                "Check the address and the CA bundle.",
                str(found),
            )
        case aiohttp.ClientConnectorDNSError():
            return trouble(Kind.UNREACHABLE, upstream, "its host name has no address", "Check base_url and DNS.")
        case aiohttp.ClientHttpProxyError() | aiohttp.ClientProxyConnectionError():
            return trouble(Kind.UNREACHABLE, upstream, "the proxy on the way refused", "Check the proxy settings.")
        case asyncio.TimeoutError():
            where = "stopped answering" if underway else "took too long to accept the connection"
            return trouble(Kind.TIMEOUT, upstream, where, "Try again later.")
        case aiohttp.ClientConnectorError():
            return trouble(
                Kind.UNREACHABLE, upstream, "the connection was refused", "Check base_url and that the server runs."
            )
        case aiohttp.ClientPayloadError() if "encoding" in str(found).lower() and "content" in str(found).lower():
            return trouble(Kind.GARBLED, upstream, "its compressed answer cannot be unpacked", "Try again.")
        case aiohttp.ClientResponseError():
            return trouble(Kind.GARBLED, upstream, "what came back is not HTTP", "Check base_url.", found.message)
        case aiohttp.InvalidURL():
            return trouble(Kind.UNREACHABLE, upstream, "its address is not a URL", "Correct base_url.")
        case _:
            phase = "broke off its answer" if underway else "closed the connection without an answer"
            return trouble(Kind.CUT_SHORT, upstream, f"it {phase}", "Try again.", type(found).__name__)
