"""Dragoman's own variables. They may stand in the environment or, behind the file, in `.env`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from msgspec.structs import fields

from dragoman.settings.reading import read_value
from dragoman.settings.record import Notice
from dragoman.settings.shape import ServerTable
from dragoman.shapes.hints import near

OWN_PREFIX = "DRAGOMAN_"
OWN_SERVER = {
    "DRAGOMAN_HOST": "host",
    "DRAGOMAN_PORT": "port",
    "DRAGOMAN_API_KEYS": "api_keys",
    "DRAGOMAN_DATA": "data_dir",
    "DRAGOMAN_DATABASE": "database",
    "DRAGOMAN_MASTER_KEY": "master_key",
    "DRAGOMAN_REDIS": "redis",
    "DRAGOMAN_TRUSTED_PROXIES": "trusted_proxies",
    "DRAGOMAN_HOSTS": "hosts",
    "DRAGOMAN_BODIES_DAYS": "bodies_days",
    "DRAGOMAN_UPSTREAM_ERRORS": "upstream_errors",
    "DRAGOMAN_UPSTREAM_ERROR_TEXT": "upstream_error_text",
    "DRAGOMAN_LOG_LEVEL": "log_level",
    "DRAGOMAN_LOG_FORMAT": "log_format",
}
"""Variables that stand for keys of `[server]`."""
LISTS = frozenset({"api_keys", "trusted_proxies", "hosts"})
"""Keys with several values, which stand in one variable, parted by commas or blanks."""
OWN_OTHER = ("DRAGOMAN_CONFIG", "DRAGOMAN_PROVIDER")
"""Variables that stand for no key: the file's path, and the vendor that foreign names speak of."""


def own_values(variables: Mapping[str, str], place: str, faults: list[Notice]) -> dict[str, tuple[Any, str]]:
    """Values of `[server]` by key, each with where it comes from; `place` tells which variables these are."""
    types = {field.name: field.type for field in fields(ServerTable)}
    values: dict[str, tuple[Any, str]] = {}
    for name, key in OWN_SERVER.items():
        word = variables.get(name, "").strip()
        if word:
            found: object = word.replace(",", " ").split() if key in LISTS else word
            source = f"{name} ({place})"
            value = read_value(types[key], found, source, faults, strict=False)
            values |= {} if value is None else {key: (value, source)}
    return values


def unknown_names(variables: Iterable[str]) -> list[Notice]:
    """What to say of variables that look like misspelt names of ours."""
    known = [*OWN_SERVER, *OWN_OTHER]
    return [
        Notice(name, "There is no such variable, so it changes nothing.", near(name, close))
        for name in sorted(variables)
        if name.startswith(OWN_PREFIX) and name not in known
        if (close := get_close_matches(name, known, n=1, cutoff=0.8))
    ]
