"""The admin API for commands: of a gateway elsewhere, or of the database that is configured here.

Without `--url` a command opens the database itself and asks the same API within its own process, as the machine's
owner; a gateway that runs on that database puts the change in force within a second.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import AsyncIterator, Callable, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from pathlib import Path
from typing import Annotated, Any, Protocol
from urllib.parse import urlencode, urlsplit

import msgspec
from cyclopts import Parameter
from msgspec import Struct

from dragoman.cli.say import fail
from dragoman.settings.record import Flags, Settings

PREFIX = "/api/v1"
Url = Annotated[str | None, Parameter(name="--url")]
"""A gateway elsewhere; its token is taken from DRAGOMAN_TOKEN. Without it: the database configured here."""
TOKEN_VARIABLE = "DRAGOMAN_TOKEN"  # noqa: S105 - the name of a variable
PATIENCE_S = 60.0
ANSWER_LIMIT = 256 * 1024 * 1024


class Refused(Exception):  # noqa: N818 - an answer
    """The API did not do what was asked; the message says why."""


class Told(Struct, frozen=True):
    """An answer."""

    status: int
    body: bytes
    cookies: tuple[str, ...] = ()

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return msgspec.json.decode(self.body) if self.body else None


class AdminApi(Protocol):
    """The API, wherever it is."""

    def ask(
        self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None, kind: str = ""
    ) -> Told:
        """The answer to a request that was done. Raises `Refused`."""


class Elsewhere:
    """The API of a running gateway, asked with a token or as somebody who signs in. Mutable: it keeps the session."""

    def __init__(self, url: str, token: str) -> None:
        self._url = urlsplit(url.rstrip("/"))
        self._session = {"authorization": f"Bearer {token}"} if token else {}

    @contextmanager
    def signed_in(self, login: str, password: str, code: str) -> Iterator[None]:
        """Asks as this user for as long as the context lasts. Raises `Refused`."""
        told = self.ask("POST", "/session", {"login": login, "password": password, "code": code})
        cookies = "; ".join(line.partition(";")[0] for line in told.cookies)
        self._session = {"cookie": cookies, "x-dragoman-csrf": told.json["csrf"]}
        try:
            yield
        finally:
            self.ask("DELETE", "/session")
            self._session = {}

    def ask(
        self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None, kind: str = ""
    ) -> Told:
        """`AdminApi.ask`."""
        opened = HTTPSConnection if self._url.scheme == "https" else HTTPConnection
        line = opened(self._url.hostname or "", self._url.port, timeout=PATIENCE_S)
        headers = headers_of(kind) | self._session
        try:
            line.request(method, self._url.path + target(path, query), said(body), headers)
            answer = line.getresponse()
            cookies = tuple(answer.headers.get_all("set-cookie", ()))
            return checked(Told(answer.status, answer.read(ANSWER_LIMIT), cookies))
        except (OSError, HTTPException) as found:
            raise Refused(
                f"{self._url.geturl()} was asked but did not answer: {found or type(found).__name__}."
            ) from None
        finally:
            line.close()


class Here:
    """The API on the database that is configured here. Mutable: it opens the database for each request, and
    knows what was said of it already."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._told: frozenset[str] = frozenset()

    def ask(
        self, method: str, path: str, body: object = None, query: Mapping[str, str] | None = None, kind: str = ""
    ) -> Told:
        """`AdminApi.ask`."""
        return checked(asyncio.run(self._ask(method, path, said(body), query or {}, kind)))

    async def _ask(self, method: str, path: str, body: bytes, query: Mapping[str, str], kind: str) -> Told:
        from dragoman.store.ports import StoreTrouble
        from dragoman.web.within import ask_within

        try:
            async with self._opened() as application:
                headers = {"host": "localhost", **headers_of(kind)}
                status, told = await ask_within(application, method, PREFIX + path, urlencode(query), headers, body)
                return Told(status, told)
        except StoreTrouble as trouble:
            raise Refused(str(trouble)) from None

    @asynccontextmanager
    async def _opened(self) -> AsyncIterator[Any]:
        """The API's application on the open database."""
        from dragoman.assembly import assemble, load_admin, log_for_command
        from dragoman.store.opening import open_store

        log_for_command()
        server = self._settings.server
        key = server.master_key.reveal() or None
        async with (
            open_store(server.database.reveal(), folder=server.data_dir, master_key=key) as store,
            assemble(self._settings) as gateway,
        ):
            gateway.live.store = store
            gateway.live.told = self._told
            gateway.live.apply(await store.configuration.load(), store.configuration.pepper())
            self._told = gateway.live.told
            yield load_admin(gateway.live, gateway.setup)


def admin_api(url: str | None, config: str | None) -> AdminApi:
    """The API that a command is about."""
    from dragoman.cli.place import configured

    if url:
        return Elsewhere(url, os.environ.get(TOKEN_VARIABLE, "").strip())
    return Here(configured(Flags(config=config, open=True)))


def run(url: str | None, config: str | None, work: Callable[[AdminApi], int | None]) -> int:
    """Does the work, and tells why it could not be done."""
    try:
        return work(admin_api(url, config)) or 0
    except Refused as refused:
        return fail("That was not done.", str(refused))


def named(api: AdminApi, kind: str, name: str) -> Any:
    """The row of this name, or else the archived one that had it last. Raises `Refused`."""
    rows = api.ask("GET", f"/{kind}", query={"archived": "true"}).json
    for row in sorted(rows, key=lambda row: (row["state"] == "archived", -row["updated_ms"])):
        if row["spec"]["name"] == name:
            return row
    known = ", ".join(row["spec"]["name"] for row in rows if row["state"] != "archived") or "none"
    raise Refused(f"There is no '{name}' among the {kind}. There are: {known}.")


def given(file: Path) -> bytes:
    """What stands in a file, or comes from standard input where it is `-`. Raises `Refused`."""
    try:
        return sys.stdin.buffer.read() if str(file) == "-" else file.read_bytes()
    except OSError as found:
        raise Refused(f"{file} cannot be read: {found.strerror}.") from None


def target(path: str, query: Mapping[str, str] | None) -> str:
    """Path and query as they are asked for."""
    return PREFIX + path + (f"?{urlencode(query)}" if query else "")


def headers_of(kind: str) -> dict[str, str]:
    """What a request says of its body."""
    return {"content-type": kind or "application/json"}


def said(body: object) -> bytes:
    """The bytes of a request's body."""
    if body is None:
        return b""
    return body if isinstance(body, bytes) else msgspec.json.encode(body)


def checked(told: Told) -> Told:
    """The answer, if what was asked was done. Raises `Refused`."""
    if told.status < 300:
        return told
    try:
        problem = told.json
        detail = str(problem["detail"])
    except (msgspec.DecodeError, KeyError, TypeError):
        detail = f"The answer was {told.status}. Is this a Dragoman?"
    if told.status == 401:
        detail += f" A script's token is taken from {TOKEN_VARIABLE}."
    raise Refused(detail)
