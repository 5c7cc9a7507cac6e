"""The way to the admin API: loaded when it is first asked for, and only for hosts that are this gateway's own.

A name of another host would let a page of that host speak to a gateway on the visitor's own machine (DNS rebinding);
an address as a host cannot be made to mean another machine, so addresses and `localhost` are always allowed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from ipaddress import ip_address
from typing import TypeAlias

from dragoman.routing.key import Network
from dragoman.web.address import client_address, is_trusted
from dragoman.web.asgi import Receive, Scope, Send, answer_json, headers_of

PREFIX = "/api/v1/"
ADDRESS = "dragoman.address"
"""Member of the scope that tells the client's real address."""

Application: TypeAlias = Callable[[Scope, Receive, Send], Awaitable[None]]


class Office:
    """Leads to the admin API. Mutable: it loads it once."""

    def __init__(
        self, load: Callable[[], Application], hosts: Collection[str] = (), trusted: Sequence[Network] = ()
    ) -> None:
        self._load = load
        self._hosts = frozenset(host.lower() for host in hosts)
        self._trusted = tuple(trusted)
        self._loading = asyncio.Lock()
        self._application: Application | None = None

    async def enter(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answers one request."""
        headers = headers_of(scope)
        host = headers.get("host", "")
        if not self._knows(host):
            detail = f"The host '{host[:100]}' is not this gateway's. Ask by its address, or add it to server.hosts."
            told = {
                "type": "about:blank",
                "title": "Misdirected Request",
                "status": 421,
                "code": "host",
                "detail": detail,
            }
            await answer_json(send, 421, told)
            return
        scope[ADDRESS] = client_address(scope, headers, self._trusted)
        peer = (scope.get("client") or ("",))[0]
        if is_trusted(peer, self._trusted) and headers.get("x-forwarded-proto") == "https":
            scope["scheme"] = "https"
        async with self._loading:
            if self._application is None:
                # In a thread: its libraries take longer to import than any agent may wait.
                self._application = await asyncio.to_thread(self._load)
        await self._application(scope, receive, send)

    def _knows(self, host: str) -> bool:
        name = host.lower()
        name = name[: name.find("]") + 1].strip("[]") if name.startswith("[") else name.partition(":")[0]
        if name in self._hosts or name == "localhost":
            return True
        try:
            ip_address(name)
        except ValueError:
            return False
        return True
