"""How the process listens: the layers of values put over each other, and the rule that nothing is open by accident."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Mapping, Sequence
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any, TypeAlias

from dragoman.settings.record import Notice, Server
from dragoman.settings.sources import Secrets, expanded
from dragoman.shapes.secret import Secret

Layer: TypeAlias = Mapping[str, tuple[Any, str]]
"""Values of `[server]` by key, each with where it comes from."""

LOOPBACK = "127.0.0.1"
USUAL: Layer = {
    "host": (LOOPBACK, "default"),
    "port": (8090, "default"),
    "api_keys": ((), "default"),
    "data_dir": ("~/.local/share/dragoman", "default"),
    "database": ("", "default"),
    "master_key": ("", "default"),
    "redis": ("", "default"),
    "trusted_proxies": ((), "default"),
    "hosts": ((), "default"),
    "bodies_days": (7, "default"),
    "upstream_errors": ("told", "default"),
    "upstream_error_text": ("", "default"),
    "log_level": ("info", "default"),
    "log_format": ("auto", "default"),
}


def placed(layer: Layer, folder: Path, home: Path) -> Layer:
    """The layer with its path made absolute: from the folder that it was written for."""
    path, source = layer.get("data_dir", ("", ""))
    return {**layer, "data_dir": (str(folder / expanded(path, home)), source)} if path else layer


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect to an address. A name other than `localhost` may lead anywhere."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


def read_server(
    own: Sequence[Layer], adopted: Layer, is_open: bool, secrets: Secrets, faults: list[Notice], notices: list[Notice]
) -> tuple[Server, dict[str, str]]:
    """The server's values, the first layer that has one deciding, and where each came from.

    `adopted` are values from foreign names, which come last and may not open anything.
    """
    chosen = ChainMap(*(dict(layer) for layer in (*own, adopted, USUAL)))
    sources = {f"server.{key}": source for key, (_, source) in chosen.items()}
    keys = _keys(chosen["api_keys"], secrets, faults)
    host, source = chosen["host"]
    host = host.strip("[]")
    if not is_loopback(host) and not keys:
        by_foreign_name = source == adopted.get("host", ("", ""))[1]
        host = _without_keys(host, source, by_foreign_name, is_open, notices)
        sources["server.host"] = source if not by_foreign_name or is_open else f"default, since {source} has no key"
    server = Server(
        host=host,
        port=chosen["port"][0],
        api_keys=keys,
        data_dir=expanded(chosen["data_dir"][0], secrets.home),
        database=secrets.resolve(*chosen["database"], faults),
        master_key=secrets.resolve(*chosen["master_key"], faults),
        redis=secrets.resolve(*chosen["redis"], faults),
        trusted_proxies=_networks(*chosen["trusted_proxies"], faults),
        bodies_days=chosen["bodies_days"][0],
        upstream_errors=chosen["upstream_errors"][0],
        upstream_error_text=chosen["upstream_error_text"][0],
        hosts=tuple(chosen["hosts"][0]),
        open=is_open,
        needs_stored_keys=not (keys or is_open or is_loopback(host)),
        log_level=chosen["log_level"][0],
        log_format=chosen["log_format"][0],
    )
    return server, sources


def _keys(chosen: tuple[Any, str], secrets: Secrets, faults: list[Notice]) -> tuple[Secret, ...]:
    """The clients' keys. One that cannot be fetched is a fault, never an open gateway."""
    texts, source = chosen
    return tuple(secrets.resolve(text, source, faults) for text in texts)


def _networks(texts: Sequence[str], source: str, faults: list[Notice]) -> tuple[str, ...]:
    """Networks in CIDR form, as they were written."""
    for text in texts:
        try:
            ip_network(text, strict=False)
        except ValueError:
            faults.append(Notice(source, f"'{text}' is no network.", "Write it as 10.0.0.0/8 or 127.0.0.1."))
    return tuple(texts)


def _without_keys(host: str, source: str, by_foreign_name: bool, is_open: bool, notices: list[Notice]) -> str:
    """The address to listen on where one off loopback was wanted, and neither file nor environment has a key."""
    reach = f"Whoever can reach {host} could use your accounts, since clients need no key."
    if is_open:
        notices.append(Notice("--open", reach, "Set DRAGOMAN_API_KEYS or server.api_keys to close it."))
        return host
    if by_foreign_name:
        remedy = f"Listening on {LOOPBACK} instead; set DRAGOMAN_API_KEYS to listen there, or say --open."
        notices.append(Notice(source, reach, remedy))
        return LOOPBACK
    return host
