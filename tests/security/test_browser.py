"""What pages of other sites can do with the session of somebody who is signed in, in a real browser: nothing."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
import uvicorn
from msgspec import Struct

from dragoman.web.edge import Edge
from tests.admin.stage import House, Visitor, house
from tests.conftest import Needs
from tests.security.browser import Browser, Tab, browser

SCRIPT = (Path(__file__).parent / "vectors.js").read_text(encoding="utf-8")
EVIL_PAGE = b"<!doctype html><meta charset=utf-8><title>kittens</title><body>"


class Seen(Struct, frozen=True):
    """A request that came to the gateway."""

    method: str
    path: str
    site: str
    """Where the browser says that it comes from."""
    signed: bool
    """Whether the session's cookie came along."""


@asynccontextmanager
async def served(place: House) -> AsyncIterator[tuple[int, list[Seen]]]:
    """The gateway on a real socket, and what comes to it."""
    seen: list[Seen] = []

    async def watched(scope: Any, receive: Any, send: Any) -> None:
        headers = {name.decode(): value.decode() for name, value in scope["headers"]}
        signed = "dragoman=" in headers.get("cookie", "")
        seen.append(Seen(scope["method"], scope["path"], headers.get("sec-fetch-site", ""), signed))
        await place.gateway.app(scope, receive, send)

    config = uvicorn.Config(watched, http=Edge, ws="none", lifespan="off", log_config=None, access_log=False, port=0)
    server = uvicorn.Server(config)
    running = asyncio.create_task(server.serve())
    while not server.started:  # noqa: ASYNC110 - nothing tells of it
        await asyncio.sleep(0.01)
    try:
        yield server.servers[0].sockets[0].getsockname()[1], seen
    finally:
        server.should_exit = server.force_exit = True
        await running


@asynccontextmanager
async def evil() -> AsyncIterator[int]:
    """The server of a page that means no good."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        length = f"content-length: {len(EVIL_PAGE)}"
        head = f"HTTP/1.1 200 x\r\ncontent-type: text/html\r\n{length}\r\nconnection: close\r\n\r\n"
        writer.write(head.encode() + EVIL_PAGE)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    try:
        yield server.sockets[0].getsockname()[1]
    finally:
        server.close()


async def state_of(admin: Visitor) -> list[Any]:
    """Everything that a change would show in."""
    paths = ("projects", "keys", "users", "settings", "tokens", "channels", "roles", "audit")
    told = [await admin.ask("GET", f"/api/v1/{path}") for path in paths]
    assert [one.status for one in told] == [200] * len(paths)
    return [one.json for one in told]


async def signed_in(tab: Tab, admin: Visitor, port: int) -> None:
    """Gives the browser the session of somebody, as the gateway would."""
    value = admin.cookie.partition("dragoman=")[2].partition(";")[0]
    said = {"name": "dragoman", "value": value, "domain": "127.0.0.1", "path": "/"}
    await tab.ask("Network.setCookie", **said, httpOnly=True, sameSite="Strict")
    await tab.ask("Page.setBypassCSP", enabled=True)
    await tab.open(f"http://127.0.0.1:{port}/api/v1/session")


OWN = """
fetch("/api/v1/session").then((told) => told.json()).then((me) => fetch("/api/v1/projects", {
  method: "POST", headers: {"content-type": "application/json", "x-dragoman-csrf": me.csrf},
  body: JSON.stringify({spec: {name: NAME}}),
})).then((told) => told.status)
"""


async def attacked(web: Browser, address: str, at: str) -> dict[str, str]:
    """What came of each way, as the page itself sees it."""
    async with web.tab() as tab:
        await tab.open(address)
        told: dict[str, str] = await tab.run(f"(() => {{ const AT = {json.dumps(at)};\n{SCRIPT}\nreturn TELLS(); }})()")
        return told


@pytest.mark.slow
def test_no_page_of_another_site_changes_or_learns_anything(tmp_path: Path, needs: Needs) -> None:
    program = needs.program("chromium")

    async def scene() -> None:
        async with (
            house(tmp_path / "house") as place,
            served(place) as (port, seen),
            evil() as evil_port,
            browser(program, tmp_path / "profile") as web,
            web.tab() as own,
        ):
            admin = await place.admin()
            await signed_in(own, admin, port)
            assert await own.run(OWN.replace("NAME", '"before"')) == 201, "our own page may"
            before = await state_of(admin)
            at = f"http://127.0.0.1:{port}"
            seen.clear()
            for site in ("127.0.0.1", "localhost"):
                # Another port of this host, which shares its cookies; and another host.
                told = await attacked(web, f"http://{site}:{evil_port}/", at)
                assert len(told) >= 40
                assert not [name for name, what in told.items() if "csrf" in what], told
            assert await state_of(admin) == before
            assert {one.site for one in seen} >= {"same-site", "cross-site"}
            changing = [one for one in seen if one.method not in ("GET", "HEAD", "OPTIONS")]
            assert len([one for one in changing if one.signed]) >= 8, "from another port the cookie comes along"
            assert len(changing) >= 20
            assert await own.run(OWN.replace("NAME", '"after"')) == 201, "and is still signed in"

    asyncio.run(scene())
