"""Which addresses a call may connect to, where whoever entered it is not the machine's operator (SSRF).

Rules. The address that is checked is the one that is connected to, for each connection anew, so that a name which
changes its meaning leads nowhere (DNS rebinding). One bad address of several is enough to refuse. Addresses of one
link, and those where clouds tell their machines' secrets, are never connected to.

Source: IANA's special-purpose address registries for IPv4 and IPv6, and the vendors' pages on instance metadata, read
2026-11-20.
"""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Literal, TypeAlias
from urllib.parse import urlsplit

Reach: TypeAlias = Literal["anywhere", "private", "public"]
"""How far a call may reach: wherever the machine's operator says; private networks too; the public Internet only."""

Address: TypeAlias = IPv4Address | IPv6Address

NEVER = tuple(
    map(
        ip_network,
        (
            *("0.0.0.0/8", "169.254.0.0/16", "224.0.0.0/4", "240.0.0.0/4"),
            *("100.100.100.200/32", "168.63.129.16/32", "192.0.0.192/32"),
            *("::/128", "fe80::/10", "ff00::/8", "fd00:ec2::/32", "fd20:ce::/32"),
        ),
    )
)
"""This host's nameless address, one link only, multicast, what is reserved, and metadata of Amazon, Google, Alibaba,
Azure and Oracle."""
NOT_PUBLIC_4 = tuple(
    map(
        IPv4Network,
        (
            *("0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12"),
            *("192.0.0.0/24", "192.0.2.0/24", "192.88.99.0/24", "192.168.0.0/16", "198.18.0.0/15"),
            *("198.51.100.0/24", "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "168.63.129.16/32"),
        ),
    )
)
GLOBAL_6 = IPv6Network("2000::/3")
"""All that has been given out."""
NOT_PUBLIC_6 = tuple(map(IPv6Network, ("2001::/23", "2001:db8::/32", "2002::/16", "3fff::/20")))
"""Of those: protocols of the IETF (Teredo among them), documentation, and 6to4."""
NAT64 = IPv6Network("64:ff9b::/96")
COMPATIBLE = IPv6Network("::/96")
PUBLIC_PORTS_FROM = 1024
PORT = 443


def unfit(text: str, reach: Reach) -> str:
    """What keeps an address (a number) from being connected to, in words; empty if nothing does."""
    if reach == "anywhere":
        return ""
    address = ip_address(text.partition("%")[0])
    inner = embedded(address)
    if any(one in network for one in (address, *inner) for network in NEVER if network.version == one.version):
        return "it leads to an address that is never connected to"
    if reach == "public" and not _is_public(inner[0] if inner and _is_carrier(address) else address):
        return "it leads into a private network"
    return ""


def unfit_url(url: str, reach: Reach) -> str:
    """What of an address can be seen to be wrong before its name is looked up; empty if nothing."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port
    if reach == "public" and parts.scheme != "https":
        return "it is not https"
    if reach == "public" and port is not None and port != PORT and port < PUBLIC_PORTS_FROM:
        return f"its port {port} belongs to another service"
    if reach == "public" and (host.rstrip(".") == "localhost" or host.rstrip(".").endswith(".localhost")):
        return "it leads into a private network"
    try:
        return unfit(host, reach)
    except ValueError:
        return ""


def unfit_proxy(url: str, reach: Reach) -> str:
    """The same for a proxy, which is spoken to by plain HTTP and listens where it likes."""
    host = urlsplit(url).hostname or ""
    return unfit_url(f"https://[{host}]" if ":" in host else f"https://{host}", reach)


def first_unfit(addresses: Iterable[str], reach: Reach) -> str:
    """What is wrong with the first of a host's addresses with which anything is; empty if nothing is."""
    return next((found for found in (unfit(address, reach) for address in addresses) if found), "")


def embedded(address: Address) -> tuple[IPv4Address, ...]:
    """The IPv4 addresses that an IPv6 address stands for: mapped, compatible, translated, 6to4, Teredo."""
    if isinstance(address, IPv4Address):
        return ()
    if address.ipv4_mapped:
        return (address.ipv4_mapped,)
    if address.sixtofour:
        return (address.sixtofour,)
    if address.teredo:
        return address.teredo
    stands_for = address in NAT64 or (address in COMPATIBLE and not address.is_loopback)
    return (IPv4Address(int(address) & 0xFFFFFFFF),) if stands_for else ()


def _is_carrier(address: Address) -> bool:
    """Whether connecting to it means connecting to the address in it."""
    return isinstance(address, IPv6Address) and bool(address.ipv4_mapped or address in NAT64)


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not any(address in network for network in NOT_PUBLIC_4)
    return address in GLOBAL_6 and not any(address in network for network in NOT_PUBLIC_6)
