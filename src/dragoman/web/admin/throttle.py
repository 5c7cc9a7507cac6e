"""How often somebody may guess: less and less, by account and by address."""

from __future__ import annotations

from collections import OrderedDict
from typing import NamedTuple

FIRST_S = 1.0
LONGEST_S = 900.0
"""Pause after a wrong password, doubling with each."""
GRACE = 3
"""Wrong passwords that cost no pause: people mistype."""
FORGET_S = 24 * 3600.0
ADDRESS_TRIES, ADDRESS_S = 10, 600.0
"""Tries of one address in so many seconds."""
KEPT = 10_000
"""Accounts and addresses that are remembered at most."""


class _Account(NamedTuple):
    failures: int
    last_s: float


class Throttle:
    """Remembers failures. Mutable. Times are monotonic seconds."""

    def __init__(self) -> None:
        self._accounts: OrderedDict[str, _Account] = OrderedDict()
        self._addresses: OrderedDict[str, list[float]] = OrderedDict()

    def wait_s(self, account: str, address: str, now_s: float) -> float:
        """Seconds until another try is looked at; 0: now."""
        failures, last_s = self._accounts.get(account, _Account(0, now_s))
        pause_s = 0.0 if failures < GRACE else min(FIRST_S * 2.0 ** min(failures - GRACE, 20), LONGEST_S)
        tries = [at_s for at_s in self._addresses.get(address, ()) if now_s - at_s < ADDRESS_S]
        crowded_s = tries[0] + ADDRESS_S - now_s if len(tries) >= ADDRESS_TRIES else 0.0
        return max(last_s + pause_s - now_s, crowded_s, 0.0)

    def failed(self, account: str, address: str, now_s: float) -> None:
        """A wrong password was told."""
        failures, last_s = self._accounts.pop(account, _Account(0, now_s))
        self._accounts[account] = _Account(failures + 1 if now_s - last_s < FORGET_S else 1, now_s)
        tries = [at_s for at_s in self._addresses.pop(address, []) if now_s - at_s < ADDRESS_S]
        self._addresses[address] = [*tries, now_s][-ADDRESS_TRIES:]
        for kept in (self._accounts, self._addresses):
            while len(kept) > KEPT:
                kept.popitem(last=False)

    def succeeded(self, account: str) -> None:
        """The right password was told."""
        self._accounts.pop(account, None)
