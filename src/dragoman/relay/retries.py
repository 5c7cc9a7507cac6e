"""Keeps the budgets of `routing.retries`: who retries what now, and how it went for each key lately."""

from __future__ import annotations

import asyncio
import time
from collections import Counter, OrderedDict
from typing import NamedTuple, Protocol

from dragoman.routing import retries
from dragoman.routing.retries import Retries, has_place, may_retry

PATIENCE_S = 2.0
"""Seconds a retry waits at most until its upstream has a place for one more: many that fail at once may yet be mended
one after the other."""
LOOK_S = 0.05
PAYERS = 1000
"""Keys that are remembered at most."""
NONE_YET = Retries()


class Asker(Protocol):
    """Whoever waits for an answer."""

    content_sent: bool
    """Whether content came; from then on nothing is tried again."""


class _Retry(NamedTuple):
    payer: str
    account: str


class RetryBudgets:
    """Grants retries. Mutable: it counts. Whoever pays is a key's id or name; all who have none pay as one."""

    def __init__(self) -> None:
        self._running: Counter[str] = Counter()
        """Attempts by the account that they run on."""
        self._retried: dict[Asker, _Retry] = {}
        self._payers: OrderedDict[str, Retries] = OrderedDict()

    def asked(self, payer: str) -> None:
        """A request has come; `payer` is whose."""
        self._payers[payer] = retries.asked(self._payers.get(payer, NONE_YET), _now_ms())
        if len(self._payers) > PAYERS:
            self._payers.popitem(last=False)

    def set_out(self, account: str) -> None:
        """An attempt begins."""
        self._running[account] += 1

    def came_back(self, account: str) -> None:
        """It has ended."""
        if self._running[account] > 1:
            self._running[account] -= 1
        else:
            self._running.pop(account, None)

    async def grant(self, asker: Asker, payer: str, account: str) -> str:
        """Empty once the retry may set out; else which budget is spent, in words."""
        for _ in range(int(PATIENCE_S / LOOK_S)):
            if not may_retry(self._payers.get(payer, NONE_YET), self._waiting(payer=payer), _now_ms()):
                return "too many retries of this key were in vain in the last minute"
            if has_place(self._waiting(account=account), self._running[account]):
                self._retried[asker] = _Retry(payer, account)
                return ""
            await asyncio.sleep(LOOK_S)
        return f"too many retries wait for the channel '{account}' already"

    def failed(self, asker: Asker) -> None:
        """An attempt of this request has failed; was it a retry, it was in vain."""
        if (retry := self._retried.pop(asker, None)) is not None:
            self._payers[retry.payer] = retries.failed(self._payers.get(retry.payer, NONE_YET), _now_ms())

    def over(self, asker: Asker) -> None:
        """The request is over, one way or another."""
        self._retried.pop(asker, None)

    def _waiting(self, *, payer: str | None = None, account: str | None = None) -> int:
        """Retries that wait for their first content."""
        return sum(
            not asker.content_sent and payer in (None, retry.payer) and account in (None, retry.account)
            for asker, retry in self._retried.items()
        )


def _now_ms() -> int:
    return int(time.monotonic() * 1000)
