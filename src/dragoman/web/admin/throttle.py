"""How often somebody may guess: by account, by network, and everybody together; counted before a password is looked at.

Theory. A guess takes a place on each of several paces, which the store keeps for all replicas and over restarts. Who
finds no place waits, and nothing is hashed. Whoever proves to be right gets the places back.

An account that is guessed at by others would be closed to its owner too. So a browser that has signed in to it once
keeps a cookie that says so, which nobody else can make: it has a pace of its own, and none of the others.
"""

from __future__ import annotations

import base64
import hmac
import secrets
from ipaddress import IPv6Address, ip_address
from typing import NamedTuple

from fastapi import Response

from dragoman.store.ports import Pace, Store
from dragoman.web.admin.access import address_of
from dragoman.web.admin.api import Call
from dragoman.web.admin.wire import Refusal

ACCOUNT = (20, 15 * 60_000)
"""Guesses at one account: so many at once, then one in so many milliseconds; 116 on a first day, then 96."""
ADDRESS = (10, 60_000)
"""Guesses from one network."""
EVERYBODY = (300, 10_000)
"""Guesses at all accounts from everywhere, against one password tried on many accounts by many machines."""
VISITS, ALL_VISITS = (30, 2_000), (1_000, 100)
"""Leaving for an identity provider, from one network and from all."""

KNOWN, PLAIN_KNOWN = "__Host-dragoman-known", "dragoman-known"
"""The cookie of a browser that has signed in once; over TLS, and over plain HTTP."""
KNOWN_S = 180 * 24 * 3600
LONGEST = 200
"""Characters of an account's name that count."""


class Guess(NamedTuple):
    """One guess, which has been counted."""

    store: Store
    paces: tuple[Pace, ...]
    forget: str
    """The pace of the account; empty where there is none."""

    async def right(self) -> None:
        """It was none: the account is as if nobody had guessed, and the network has its place back."""
        await self.store.sign_in.forgive(self.paces, self.forget)


async def begin_guess(call: Call, account: str, *, known: bool = False) -> Guess:
    """A guess at an account, if it may be made now; without one, at what is too long to be guessed, and must not be
    closed to whoever has it. Raises `Refusal` with how long to wait.

    `known` says that a browser's cookie may tell that it has signed in before.
    """
    account = account.lower()[:LONGEST]
    device = _device(call, account) if known else ""
    paces = paces_of(account, address_of(call.request), device)
    _check(await call.store.sign_in.admit(paces))
    return Guess(call.store, paces, paces[0].name if account else "")


async def limit_visits(call: Call) -> None:
    """Counts somebody who leaves for an identity provider. Raises `Refusal` with how long to wait."""
    paces = (Pace(f"visit/{network_of(address_of(call.request))}", *VISITS), Pace("visits", *ALL_VISITS))
    _check(await call.store.sign_in.admit(paces))


def paces_of(account: str, address: str, device: str = "") -> tuple[Pace, ...]:
    """What a guess is counted against; the account first, if there is one."""
    if device:
        return (Pace(f"device/{account}/{device}", *ACCOUNT),)
    own = (Pace(f"account/{account}", *ACCOUNT),) if account else ()
    return (
        *own,
        Pace(f"address/{network_of(address)}", *ADDRESS),
        Pace("everybody", *EVERYBODY),
    )


def _check(wait_ms: int) -> None:
    if wait_ms > 0:
        wait_s = -(-wait_ms // 1000)
        words = f"That was tried too often. Try again in {wait_s} s."
        raise Refusal(429, "slow_down", words, headers={"retry-after": str(wait_s)})


def network_of(address: str) -> str:
    """What one machine can choose its address from: of IPv6, the /64 that a provider gives to each home."""
    try:
        found = ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if not isinstance(found, IPv6Address):
        return str(found)
    return str(found.ipv4_mapped or IPv6Address(int(found) >> 64 << 64))


def remember_browser(call: Call, response: Response, login: str) -> None:
    """Has the browser remember that this user has signed in with it."""
    secure = call.request.url.scheme == "https"
    until_s = call.desk.now_ms() // 1000 + KNOWN_S
    said = f"{until_s}.{secrets.token_hex(8)}"
    text = f"{said}.{_mac(call.store, login.lower(), said)}"
    name = KNOWN if secure else PLAIN_KNOWN
    response.set_cookie(name, text, KNOWN_S, path="/", secure=secure, httponly=True, samesite="strict")


def _device(call: Call, account: str) -> str:
    """What names a browser that has signed in to this account before; empty if it has not."""
    text = call.request.cookies.get(KNOWN) or call.request.cookies.get(PLAIN_KNOWN) or ""
    said, _, mac = text.rpartition(".")
    until_s, _, device = said.partition(".")
    right = hmac.compare_digest(_mac(call.store, account, said).encode(), mac.encode(errors="replace"))
    return device if right and call.desk.now_ms() < int(until_s) * 1000 else ""


def _mac(store: Store, account: str, said: str) -> str:
    made = hmac.digest(store.configuration.pepper(), f"known/{account}/{said}".encode(errors="replace"), "sha256")
    return base64.urlsafe_b64encode(made).decode().rstrip("=")
