"""A gateway with its admin API, and people who ask it: no sockets, the application is called as a server would."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from http.cookies import SimpleCookie
from pathlib import Path
from typing import Any

from msgspec import Struct

from dragoman.assembly import Assembly, assemble
from dragoman.settings.load import load
from dragoman.settings.record import Flags
from dragoman.store.opening import SqlStore, open_store
from dragoman.store.ports import Store

PASSWORD = "correct horse battery"


class Told(Struct, frozen=True):
    """An answer."""

    status: int
    headers: Mapping[str, str]
    cookies: tuple[str, ...]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


class Visitor:
    """Somebody at the API: a browser, which keeps cookies, or a script with a token. Mutable as a browser is."""

    def __init__(self, house: House, token: str = "", address: str = "127.0.0.1") -> None:
        self._house = house
        self._token = token
        self._address = address
        self.cookie = ""
        self.csrf = ""

    async def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        headers: Mapping[str, str] | None = None,
        query: str = "",
    ) -> Told:
        """What the gateway answers; a body that is not bytes is sent as JSON."""
        said: dict[str, str] = {"host": "127.0.0.1:8090"}
        if self._token:
            said["authorization"] = f"Bearer {self._token}"
        if self.cookie:
            said["cookie"] = self.cookie
        if self.csrf and method not in ("GET", "HEAD"):
            said["x-dragoman-csrf"] = self.csrf
        if body is not None:
            said["content-type"] = "application/json"
        said |= headers or {}
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        told = await call(self._house, method, path, data, said, query, self._address)
        kept = SimpleCookie(self.cookie)
        for line in told.cookies:
            kept.load(line)
        self.cookie = "; ".join(f"{name}={morsel.value}" for name, morsel in kept.items() if morsel.value)
        return told

    async def sign_in(self, login: str, password: str = PASSWORD) -> Told:
        """Signs in, and keeps what a page would."""
        told = await self.ask("POST", "/api/v1/session", {"login": login, "password": password})
        self.csrf = told.json["csrf"] if told.status == 200 else ""
        return told


class House(Struct, frozen=True):
    """A gateway, and the store that it follows."""

    gateway: Assembly
    store: SqlStore

    def visitor(self, token: str = "", address: str = "127.0.0.1") -> Visitor:
        """Somebody who has not signed in."""
        return Visitor(self, token, address)

    async def admin(self) -> Visitor:
        """The first user of all."""
        visitor = self.visitor()
        said = {"token": self.gateway.setup.text, "login": "root", "password": PASSWORD}
        told = await visitor.ask("POST", "/api/v1/setup", said)
        assert told.status == 201, told.body
        visitor.csrf = told.json["csrf"]
        return visitor


async def call(
    house: House, method: str, path: str, data: bytes, headers: Mapping[str, str], query: str, address: str
) -> Told:
    """One request through the whole application."""
    scope = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.lower().encode(), value.encode()) for name, value in headers.items()],
        "client": (address, 50000),
        "server": ("127.0.0.1", 8090),
    }
    messages: list[dict[str, Any]] = []
    sent = False

    async def receive() -> dict[str, Any]:
        nonlocal sent
        if sent:
            await asyncio.Event().wait()
        sent = True
        return {"type": "http.request", "body": data, "more_body": False}

    async def send(message: Any) -> None:
        messages.append(message)

    await house.gateway.app(scope, receive, send)
    start = messages[0]
    pairs = [(name.decode().lower(), value.decode()) for name, value in start["headers"]]
    return Told(
        start["status"],
        dict(pairs),
        tuple(value for name, value in pairs if name == "set-cookie"),
        b"".join(message.get("body", b"") for message in messages[1:]),
    )


@asynccontextmanager
async def house(folder: Path, environ: Mapping[str, str] | None = None) -> AsyncIterator[House]:
    """A gateway that follows a store of its own."""
    settings = load(Flags(), {"DRAGOMAN_DATA": str(folder), **(environ or {})}, folder, folder)
    async with open_store(folder=folder) as store, assemble(settings) as gateway:

        async def opened() -> Store:
            return store

        following = asyncio.create_task(gateway.live.follow(opened))
        while gateway.live.configured is None:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)
        try:
            yield House(gateway, store)
        finally:
            following.cancel()
            await asyncio.gather(following, return_exceptions=True)
