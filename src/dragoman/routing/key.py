"""An API key as the request path knows it, and whether it may ask for something."""

from __future__ import annotations

from collections.abc import Iterable
from ipaddress import IPv4Network, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from msgspec import Struct

from dragoman.canon.problem import Kind, Problem, problem
from dragoman.canon.wildcards import fits_any
from dragoman.routing.match import bare
from dragoman.shapes.access import KeyTable

Network: TypeAlias = IPv4Network | IPv6Network


class Key(Struct, frozen=True, kw_only=True):
    """What opens the doors for one client."""

    id: str
    public_id: str
    """The readable part of its text, by which it is found and may be spoken of."""
    digest: bytes
    """What its text is compared with."""
    spec: KeyTable
    enabled: bool = True
    expires_ms: int | None = None
    networks: tuple[Network, ...] = ()
    """Where it may be used from; none: anywhere."""

    @property
    def profile(self) -> str | None:
        """The profile in force; None takes the default one."""
        return self.spec.profile or None


class Visit(Struct, frozen=True, kw_only=True):
    """Where and when a key is presented."""

    address: str
    """The client's network address; empty where it is not known."""
    now_ms: int


def networks_of(texts: Iterable[str]) -> tuple[Network, ...]:
    """Networks in CIDR form, a single address being one of its own. Raises `ValueError`."""
    return tuple(ip_network(text.strip(), strict=False) for text in texts)


def unwelcome(key: Key, visit: Visit) -> Problem | None:
    """Why this key opens nothing here and now; None: it does."""
    if not key.enabled:
        return _refused(key, "is switched off", "Ask whoever gave it to you.", Kind.AUTHENTICATION)
    if key.expires_ms is not None and visit.now_ms >= key.expires_ms:
        return _refused(key, "has expired", "Ask for a new one.", Kind.AUTHENTICATION)
    if key.networks and not is_within(key.networks, visit.address):
        return _refused(
            key, f"may not be used from {visit.address or 'an unknown address'}", "Use it from its network."
        )
    return None


def forbidden(key: Key, door: str, model: str) -> Problem | None:
    """Why this key may not ask for this; None: it may."""
    if key.spec.doors and door not in key.spec.doors:
        allowed = ", ".join(key.spec.doors)
        return _refused(key, f"does not open the door '{door}'", f"It opens: {allowed}.")
    if not _names(key.spec, model):
        allowed = ", ".join(f"'{pattern}'" for pattern in key.spec.models[:10])
        return _refused(key, f"may not ask for the model '{model[:100]}'", f"It may ask for: {allowed}.")
    return None


def may_ask(spec: KeyTable, door: str, model: str) -> bool:
    """Whether a key so described may ask for a model at a door."""
    return (not spec.doors or door in spec.doors) and _names(spec, model)


def _names(spec: KeyTable, model: str) -> bool:
    """Whether a key names a model, or all. What Claude Code adds to a name is no part of it."""
    names = {model, bare(model)}
    return not spec.models or any(fits_any(name, spec.models) for name in names)


def is_within(networks: Iterable[Network], address: str) -> bool:
    """Whether an address is one of these networks'; one that is not known is in none."""
    try:
        found = ip_address(address)
    except ValueError:
        return False
    mapped = getattr(found, "ipv4_mapped", None) or found
    return any(mapped in network for network in networks)


def _refused(key: Key, what: str, remedy: str, kind: Kind = Kind.PERMISSION) -> Problem:
    return problem(kind, f"The API key '{key.spec.name}' ({key.public_id}) {what}. {remedy}")
