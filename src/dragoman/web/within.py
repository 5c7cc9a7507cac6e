"""Asks the admin API within the process, as the machine's owner: for the command line on a database of its own."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from dragoman.web.asgi import Message
from dragoman.web.office import Application

OWNER = "dragoman.owner"
"""Member of the scope that says that the machine's owner asks; no server puts it there."""


async def ask_within(
    application: Application, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
) -> tuple[int, bytes]:
    """Status and body of the answer."""
    scope: dict[str, Any] = {
        "type": "http",
        "asgi": {"version": "3.0"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path,
        "raw_path": path.encode(),
        "root_path": "",
        "query_string": query.encode(),
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()],
        "client": None,
        "server": None,
        OWNER: True,
    }
    told: list[Message] = []
    parts = iter(({"type": "http.request", "body": body, "more_body": False},))

    async def receive() -> Message:
        for part in parts:
            return part
        await asyncio.Event().wait()
        raise AssertionError("a client that never leaves has left")

    async def send(message: Message) -> None:
        told.append(message)

    await application(scope, receive, send)
    return told[0]["status"], b"".join(message.get("body", b"") for message in told[1:])
