"""Whose address a request really comes from, where proxies that we trust stand before us.

`x-forwarded-for` is a list to which each proxy adds whom it heard; only what trusted ones added counts, so it is read
from the right up to the first address that is not trusted (P19).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from ipaddress import IPv4Address, IPv6Address, ip_address
from typing import Any, TypeAlias

from dragoman.routing.key import Network

FORWARDED = "x-forwarded-for"
Address: TypeAlias = IPv4Address | IPv6Address


def client_address(scope: Mapping[str, Any], headers: Mapping[str, str], trusted: Sequence[Network]) -> str:
    """The client's address; empty where it is not known, as on a Unix socket."""
    peer = str((scope.get("client") or ("",))[0])
    if not trusted or not is_trusted(peer, trusted):
        return peer
    for hop in reversed([hop.strip() for hop in headers.get(FORWARDED, "").split(",") if hop.strip()]):
        read = _read(hop)
        if read is None:
            break
        peer = str(read)
        if not is_trusted(hop, trusted):
            break
    return peer


def is_trusted(text: str, trusted: Sequence[Network]) -> bool:
    """Whether an address is a trusted proxy's."""
    address = _read(text)
    return address is not None and any(address in network for network in trusted)


def _read(text: str) -> Address | None:
    try:
        address = ip_address(text.strip("[]"))
    except ValueError:
        return None
    return getattr(address, "ipv4_mapped", None) or address
