"""Proxies that channels may name: what they may be called, and what an address of one is."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import urlsplit

PROXY_WORDS = ("environment", "none")
"""What a channel may say instead of a proxy; no proxy has such a name."""


def faults_of_proxies(proxies: Mapping[str, str]) -> list[str]:
    """What is wrong with named proxies, in words."""
    return [fault for name, address in proxies.items() if (fault := fault_of_proxy(name, address))]


def fault_of_proxy(name: str, address: str) -> str:
    """What is wrong with a named proxy, or an empty string."""
    if name in PROXY_WORDS:
        return f"'{name}' means something else where a proxy is named."
    return "" if is_proxy(address) else f"The proxy '{name}' is no HTTP proxy."


def is_proxy(address: str) -> bool:
    """Whether an address, which may hold a user name and a password, is an HTTP proxy's."""
    try:
        parts = urlsplit(address)
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
    return sound and not any(each.isspace() or not each.isprintable() for each in address)
