"""A real browser, spoken to by its own protocol (Chrome DevTools Protocol, read 2026-11-20)."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import aiohttp

START_S = 40.0
FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-popup-blocking",
    "--no-first-run",
    "--no-proxy-server",
    "--disable-background-networking",
    "--disable-component-update",
    "--remote-debugging-port=0",
)


class Tab:
    """One tab. Mutable: it knows what it has asked for."""

    def __init__(self, line: aiohttp.ClientWebSocketResponse) -> None:
        self._line = line
        self._numbers = itertools.count(1)
        self.told: list[dict[str, Any]] = []

    async def ask(self, method: str, **params: Any) -> dict[str, Any]:
        """What the browser answers."""
        number = next(self._numbers)
        await self._line.send_json({"id": number, "method": method, "params": params})
        while True:
            said = await self._line.receive_json(timeout=START_S)
            if said.get("id") == number:
                assert "error" not in said, said
                found: dict[str, Any] = said["result"]
                return found
            self.told.append(said)

    async def open(self, url: str) -> None:
        """Leads to a page, as if its address had been typed, and waits until it is there."""
        await self.ask("Page.enable")
        await self.ask("Page.navigate", url=url)
        while not any(said.get("method") == "Page.loadEventFired" for said in self.told):
            self.told.append(await self._line.receive_json(timeout=START_S))
        self.told.clear()

    async def run(self, script: str) -> Any:
        """What a script on the page comes to."""
        told = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        assert "exceptionDetails" not in told, told
        return told["result"].get("value")


class Browser:
    """A running browser."""

    def __init__(self, web: aiohttp.ClientSession, port: int) -> None:
        self._web = web
        self._at = f"http://127.0.0.1:{port}"

    @asynccontextmanager
    async def tab(self) -> AsyncIterator[Tab]:
        """A new tab."""
        async with self._web.put(f"{self._at}/json/new?about:blank") as answer:
            told = await answer.json()
        async with self._web.ws_connect(told["webSocketDebuggerUrl"], max_msg_size=0) as line:
            yield Tab(line)


@asynccontextmanager
async def browser(program: Path, folder: Path) -> AsyncIterator[Browser]:
    """A browser with an empty profile, for as long as the context lasts."""
    process = await asyncio.create_subprocess_exec(
        *(str(program), *FLAGS, f"--user-data-dir={folder}", "about:blank"),
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with asyncio.timeout(START_S):
            while not (port := _port(folder / "DevToolsActivePort")):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.05)
        async with aiohttp.ClientSession() as web:
            yield Browser(web, port)
    finally:
        with suppress(ProcessLookupError):
            process.terminate()
        await process.wait()


def _port(file: Path) -> int:
    """Where the browser listens; 0: it has not said so yet."""
    lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
    return int(lines[0]) if len(lines) > 1 else 0
