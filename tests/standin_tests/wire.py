"""A bare HTTP client for the stand-in's tests: what came, and how it ended."""

from __future__ import annotations

import json
import socket
import time
from typing import Any, Literal
from urllib.parse import urlsplit

import httptools
from msgspec import Struct

Ending = Literal["end", "closed", "reset", "unended"]

PATHS = {"anthropic": "/v1/messages", "openai_chat": "/v1/chat/completions", "openai_responses": "/v1/responses"}


class Heard(Struct):
    """One answer, as far as it came; filled by the parser."""

    status: int = 0
    headers: dict[str, str] = {}
    body: bytes = b""
    ending: Ending = "unended"
    complete: bool = False

    def on_header(self, name: bytes, value: bytes) -> None:
        self.headers = self.headers | {name.decode().lower(): value.decode("latin-1")}

    def on_body(self, data: bytes) -> None:
        self.body += data

    def on_message_complete(self) -> None:
        self.complete = True

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def ask(
    url: str,
    dialect: str,
    *,
    seconds: float = 0.3,
    path: str | None = None,
    then_s: float | None = None,
    **members: Any,
) -> Heard:
    """The answer to a small good request, listened to until it ends or the time is over.

    With `then_s` the time is cut to so much once the first bytes have come.
    """
    told = "input" if dialect == "openai_responses" else "messages"
    body: dict[str, Any] = {"model": "standin", told: [{"role": "user", "content": "say two words"}]}
    if dialect == "anthropic":
        body["max_tokens"] = 4000
    return send(url, path or PATHS[dialect], json.dumps(body | members).encode(), dialect, seconds, then_s=then_s)


def send(
    url: str,
    path: str,
    data: bytes,
    dialect: str,
    seconds: float = 5.0,
    *,
    method: str = "POST",
    then_s: float | None = None,
) -> Heard:
    """The answer to any bytes."""
    version = "anthropic-version: 2023-06-01\r\n" if dialect == "anthropic" else ""
    lines = f"{method} {path} HTTP/1.1\r\nhost: standin\r\n{version}content-length: {len(data)}\r\n\r\n"
    address = urlsplit(url)
    try:
        with socket.create_connection((address.hostname, address.port or 80), timeout=seconds) as connection:
            connection.sendall(lines.encode() + data)
            return listen(connection, seconds, then_s)
    except (ConnectionResetError, BrokenPipeError):  # a reset may come before the request is out
        return Heard(ending="reset")


def listen(connection: socket.socket, seconds: float, then_s: float | None = None) -> Heard:
    """Everything said on a connection until one answer is complete."""
    heard = Heard()
    parser = httptools.HttpResponseParser(heard)
    end = time.monotonic() + seconds
    try:
        while not heard.complete and (left := end - time.monotonic()) > 0:
            connection.settimeout(left)
            data = connection.recv(65536)
            if not data:
                heard.ending = "closed"
                return heard
            if then_s is not None and not heard.status:
                end = min(end, time.monotonic() + then_s)
            parser.feed_data(data)
            if parser.get_status_code():
                heard.status = parser.get_status_code()
    except ConnectionResetError:
        heard.ending = "reset"
    except TimeoutError:
        heard.ending = "unended"
    if heard.complete:
        heard.ending = "end"
    return heard
