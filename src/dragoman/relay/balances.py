"""What is left of accounts: providers are asked by one replica, and all others are told.

Rules. Nobody is asked unless the gateway is set so. An account of which little is left is asked about four times as
often; one that cannot be asked about is waited for, twice as long each time. An answer that comes too late or is not
understood changes nothing but to say so, and what is known too long is no longer believed.
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import Callable, Mapping

import msgspec
import structlog

from dragoman.canon.problem import Kind, Trouble
from dragoman.providers.balance import Balance
from dragoman.relay.relay import Relay
from dragoman.relay.standing import Standing, standing_after
from dragoman.routing.snapshot import Channel, Snapshot
from dragoman.store.ports.board import Board, Held, Hold

LOOK_S = 5.0
"""Pause before accounts are looked through for those that are due."""
AT_ONCE = 4
TELL_S = 60.0
"""How often the others are told again, of whom some may be new."""
TOPIC = "balances"
LEASE = Hold(name="lease:balances", span="now", limit=1, amount=1)

log = structlog.get_logger()


class Balances:
    """Keeps what is left of accounts. Mutable: it knows who asks, and what was told last."""

    def __init__(self, board: Board, relay: Relay, now_ms: Callable[[], int] | None = None) -> None:
        self._board = board
        self._relay = relay
        self._now_ms = now_ms or _unix_ms
        self._lease = f"balances:{secrets.token_hex(8)}"
        self._leads = False
        self._told_ms = 0

    async def run(self) -> None:
        """Looks for as long as it runs."""
        try:
            while True:
                await self.look()
                await asyncio.sleep(LOOK_S)
        finally:
            if self._leads:
                await asyncio.shield(self._board.settle(self._lease, {}))

    async def look(self) -> None:
        """Asks about every account that is due, if this is the replica that asks."""
        snapshot, now_ms = self._relay.snapshot, self._now_ms()
        told = self._relay.learned.told
        known = dict(told.standings)
        if not snapshot.balances_s:
            if known:
                told.stand({}, now_ms)
            return
        if not await self._is_ours(now_ms):
            told.stand(known, now_ms)  # what is too old is no longer believed
            return
        accounts = {one.account: one for one in _accounts(snapshot, self._relay)}
        due = [one for name, one in accounts.items() if name not in known or known[name].due_ms <= now_ms]
        gate = asyncio.Semaphore(AT_ONCE)

        async def ask(one: Channel) -> None:
            async with gate:
                found = await self._asked(one)
            known[one.account] = standing_after(known.get(one.account), found, snapshot.balances_s, self._now_ms())

        await asyncio.gather(*map(ask, due))
        told.stand({name: standing for name, standing in known.items() if name in accounts}, self._now_ms())
        if due or self._now_ms() - self._told_ms > TELL_S * 1000:
            self._told_ms = self._now_ms()
            await self._board.tell(TOPIC, msgspec.msgpack.encode(told.standings))

    async def _is_ours(self, now_ms: int) -> bool:
        if not self._leads:
            self._leads = isinstance(await self._board.hold(self._lease, [LEASE], now_ms), Held)
        return self._leads

    async def _asked(self, one: Channel) -> Balance | Kind:
        try:
            return await self._relay.balance(one)
        except Trouble as trouble:
            kind = trouble.problem.kind
            log.info("a balance is not told", account=one.account, problem=kind.value)
            return kind


def heard(said: bytes) -> Mapping[str, Standing] | None:
    """What the replica that asks has told; None for what another version means by its bytes."""
    try:
        return msgspec.msgpack.decode(said, type=dict[str, Standing])
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _accounts(snapshot: Snapshot, relay: Relay) -> list[Channel]:
    """The accounts that can be asked about."""
    channels = [one for channel in snapshot.channels if channel.enabled for one in channel.accounts or (channel,)]
    return [one for one in channels if relay.tells_balance(one)]


def _unix_ms() -> int:
    return time.time_ns() // 1_000_000
