"""The only HTTP client, behind one small interface (`call`): each call goes straight to its host, or by a proxy."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from typing import TYPE_CHECKING
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # missing from typeshed

from dragoman.net.call import ANSWER_LIMIT, ERROR_LIMIT, Answer, Call, Transport, out_of_reach
from dragoman.net.direct import DirectTransport, look_up_by_system, place_of
from dragoman.net.within import first_unfit, unfit_url

if TYPE_CHECKING:
    from dragoman.net.proxied import ProxiedTransport

__all__ = ["ANSWER_LIMIT", "ERROR_LIMIT", "Answer", "Call", "Transport", "open_transport"]


class Network:
    """The transport in use; made by `open_transport`. Mutable: it has a client for proxies once one is needed."""

    def __init__(self, proxies: Mapping[str, str]) -> None:
        self._proxies = dict(proxies)
        self._direct = DirectTransport()
        self._proxied: ProxiedTransport | None = None

    async def send(self, call: Call) -> Answer:
        """See `Transport`."""
        proxy = call.proxy
        if proxy is None and self._proxies:
            proxy = self._proxy_for(call.url)
        if proxy and call.reach != "anywhere":
            await self._check(call)
        if not proxy and "@" not in call.url:
            return await self._direct.send(call)
        return await self._by_proxy().send(call, proxy or None)

    async def _check(self, call: Call) -> None:
        """Raises `Trouble` where a call's host can be seen from here to be out of its reach. A name that only the
        proxy knows is the proxy's business."""
        found = unfit_url(call.url, call.reach)
        with suppress(OSError, UnicodeError):
            place = place_of(call.url)
            addresses = await look_up_by_system(place.host, place.port)
            found = found or first_unfit((str(one[4][0]) for one in addresses), call.reach)
        if found:
            raise out_of_reach(call.upstream, found)

    def _by_proxy(self) -> ProxiedTransport:
        """The client for proxies, and for names and passwords within addresses."""
        if self._proxied is None:
            # most gateways never need it, and aiohttp weighs 8 MiB
            from dragoman.net.proxied import ProxiedTransport

            self._proxied = ProxiedTransport()
        return self._proxied

    def _proxy_for(self, url: str) -> str | None:
        """The environment's proxy for an address; never for loopback, which would send the gateway to itself."""
        parts = urlsplit(url)
        proxy = self._proxies.get(parts.scheme) or self._proxies.get("all")
        host = parts.hostname or ""
        if not proxy or is_loopback(host) or proxy_bypass_environment(host, self._proxies):
            return None
        return proxy

    async def close(self) -> None:
        """Closes every connection."""
        self._direct.close()
        if self._proxied is not None:
            await self._proxied.close()


def is_loopback(host: str) -> bool:
    """Whether a host is this machine itself, by its name or number."""
    name = host.rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return False


@asynccontextmanager
async def open_transport(proxies: Mapping[str, str]) -> AsyncIterator[Network]:
    """A transport for as long as the context lasts; `proxies` by scheme, as the environment gives them."""
    network = Network(proxies)
    try:
        yield network
    finally:
        await network.close()
