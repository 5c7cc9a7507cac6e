"""What providers have told of accounts and of their limits, as far as it matters to who is asked."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from dragoman.canon.problem import Kind
from dragoman.providers.balance import UNKNOWN, Balance
from dragoman.providers.headroom import Room, room_of
from dragoman.routing.load import target_key
from dragoman.routing.plan import Step
from dragoman.routing.spare import NEARLY, NOTHING_SPARED, Scarce, Spared
from dragoman.shapes.fields import BalanceUse

SOONER = 4
"""How many times as often an account is asked about of which little is left."""
LONGEST_S = 24 * 3600.0
BELIEVED = 5
"""What is known is believed for so many of its pauses, since nobody may be asking any more."""
TARGETS = 1000
"""Targets whose limits are remembered at most."""


class Standing(Struct, frozen=True, kw_only=True):
    """What is known of one account."""

    balance: Balance
    asked_ms: int
    """When it was last asked about, in Unix time."""
    due_ms: int
    """When it is asked about again."""
    problem: str = ""
    """Kind of the problem that kept it from being told; empty if there was none."""
    failures: int = 0
    """In a row."""

    def is_believed(self, now_ms: int) -> bool:
        """Whether it still counts."""
        return now_ms < self.asked_ms + BELIEVED * (self.due_ms - self.asked_ms)


def standing_after(before: Standing | None, found: Balance | Kind, every_s: float, now_ms: int) -> Standing:
    """What is known of an account after it was asked about."""
    if isinstance(found, Kind):
        failures = before.failures + 1 if before else 1
        pause_s = min(every_s * 2**failures, LONGEST_S)
        balance = before.balance if before and before.is_believed(now_ms) else UNKNOWN
        return Standing(
            balance=balance,
            asked_ms=before.asked_ms if before and balance is not UNKNOWN else now_ms,
            due_ms=now_ms + int(pause_s * 1000),
            problem=found.value,
            failures=failures,
        )
    is_plenty = found.state in ("available", "unknown")
    return Standing(balance=found, asked_ms=now_ms, due_ms=now_ms + int(every_s * 1000 / (1 if is_plenty else SOONER)))


class Told:
    """What was told. Mutable: replaced by what is told next."""

    def __init__(self) -> None:
        self.standings: Mapping[str, Standing] = {}
        """Of accounts whose provider tells balances."""
        self.rooms: dict[str, tuple[Room, int]] = {}
        """By target, what was left of the scarcest of its limits, and when that limit is whole again."""
        self._spent: Mapping[str, str] = {}
        self._scarce: dict[str, Scarce] = {}

    def stand(self, standings: Mapping[str, Standing], now_ms: int) -> None:
        """From now on this is known of accounts; `now_ms` is Unix time."""
        self.standings = standings
        self._spent = {
            account: str(one.balance)
            for account, one in standings.items()
            if one.balance.state == "exhausted" and one.is_believed(now_ms)
        }

    def hear(self, step: Step, headers: Mapping[str, str], now_ms: int, now_s: float) -> None:
        """An answer has told of limits, or not; `now_ms` is the clock of health, `now_s` Unix time."""
        room = room_of(headers, now_s)
        if room is None:
            return
        target, until_ms = target_key(step.channel.account, step.model), now_ms + int(room.for_s * 1000)
        self.rooms[target] = (room, until_ms)
        if room.share < NEARLY:
            self._scarce[target] = Scarce(f"{room.left} of {room.limit} {room.of} are left to it for now", until_ms)
        else:
            self._scarce.pop(target, None)
        if len(self.rooms) > TARGETS:
            oldest = next(iter(self.rooms))
            del self.rooms[oldest]
            self._scarce.pop(oldest, None)

    def spared(self, use: BalanceUse) -> Spared:
        """What matters to who is asked."""
        return Spared(self._spent, use, self._scarce) if self._spent or self._scarce else NOTHING_SPARED
