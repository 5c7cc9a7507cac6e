"""Finding a running gateway from the command line, for the commands that point an agent at it."""

from __future__ import annotations

import os
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from dragoman.cli.place import address, configured
from dragoman.routing.snapshot import Secret
from dragoman.settings.record import Flags

PATIENCE_S = 2.0


class Gateway(Struct, frozen=True):
    """A gateway's address, and a key it takes where one is configured here."""

    url: str
    key: Secret | None


def gateway_here(url: str | None, config: str | None) -> Gateway:
    """The gateway that was named, else the one that is configured here. Raises `SettingsRefused`."""
    server = configured(Flags(config=config, open=True)).server
    own = os.environ.get("DRAGOMAN_API_KEYS", "").replace(",", " ").split()
    key = server.api_keys[0] if server.api_keys else Secret(own[0]) if own else None
    return Gateway(url.rstrip("/") if url else address(server.host, server.port), key)


def answers(url: str) -> bool:
    """Whether a Dragoman answers there. No proxy is asked: the agent will not ask one either."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    try:
        connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE_S)
        try:
            connection.request("GET", parts.path.rstrip("/") + "/")
            found = msgspec.json.decode(connection.getresponse().read(65536))
        finally:
            connection.close()
    except (OSError, ValueError, HTTPException, msgspec.DecodeError):
        return False
    return isinstance(found, dict) and found.get("name") == "dragoman"
