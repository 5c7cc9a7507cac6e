"""Finding a running gateway from the command line, for the commands that point an agent at it."""

from __future__ import annotations

import os
from collections.abc import Mapping
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

from dragoman.cli.place import address, configured
from dragoman.settings.record import Flags, SettingsRefused
from dragoman.settings.server import USUAL
from dragoman.shapes.secret import Secret

PATIENCE_S = 2.0
ANSWER_LIMIT = 1024 * 1024
USUAL_URL = address(USUAL["host"][0], USUAL["port"][0])


class Gateway(Struct, frozen=True):
    """A gateway's address, and a key it takes where one is configured here."""

    url: str
    key: Secret | None


def gateway_here(url: str | None, config: str | None) -> Gateway:
    """The gateway that was named, else the one that is configured here. Raises `SettingsRefused`."""
    server = configured(Flags(config=config, open=True)).server
    key = server.api_keys[0] if server.api_keys else own_key()
    return Gateway(url.rstrip("/") if url else address(server.host, server.port), key)


def running_gateway(url: str | None, config: str | None) -> Gateway:
    """The gateway for an agent started here: as `gateway_here`, or else the one that runs at the usual address.

    An agent is started in the folder it works on, whose `.env` may well be for something else. Raises
    `SettingsRefused` only where that leaves no address.
    """
    usual = Gateway(url.rstrip("/") if url else USUAL_URL, own_key())
    try:
        here = gateway_here(url, config)
    except SettingsRefused:
        if config or not (url or answers(usual.url)):
            raise
        return usual
    return usual if not url and not answers(here.url) and answers(usual.url) else here


def own_key() -> Secret | None:
    """The first key in our own variable."""
    keys = os.environ.get("DRAGOMAN_API_KEYS", "").replace(",", " ").split()
    return Secret(keys[0]) if keys and ":" not in keys[0] else None


def answers(url: str) -> bool:
    """Whether a Dragoman answers there."""
    try:
        found = msgspec.json.decode(_got(url, "/", {})[1])
    except (OSError, HTTPException, ValueError):
        return False
    return isinstance(found, dict) and found.get("name") == "dragoman"


def admits(gateway: Gateway) -> bool:
    """Whether a gateway that answers takes the key, or needs none."""
    try:
        return _got(gateway.url, "/v1/models", _key_header(gateway))[0] not in (401, 403)
    except (OSError, HTTPException, ValueError):
        return False


def offered(gateway: Gateway) -> tuple[str, ...]:
    """The names of the models that a gateway offers, in its order; none where it does not tell."""
    try:
        found = msgspec.json.decode(_got(gateway.url, "/openai/v1/models", _key_header(gateway))[1], type=_Models)
    except (OSError, HTTPException, ValueError):
        return ()
    return tuple(model.id for model in found.data)


class _Model(Struct):
    id: str


class _Models(Struct):
    data: list[_Model]


def _key_header(gateway: Gateway) -> dict[str, str]:
    return {"authorization": f"Bearer {gateway.key.reveal()}"} if gateway.key else {}


def _got(url: str, path: str, headers: Mapping[str, str]) -> tuple[int, bytes]:
    """Status and body of a small answer. No proxy is asked: the agent will not ask one either."""
    parts = urlsplit(url)
    kind = HTTPSConnection if parts.scheme == "https" else HTTPConnection
    connection = kind(parts.hostname or "", parts.port, timeout=PATIENCE_S)
    try:
        connection.request("GET", parts.path.rstrip("/") + path, headers=dict(headers))
        answer = connection.getresponse()
        return answer.status, answer.read(ANSWER_LIMIT)
    finally:
        connection.close()
