"""What a request may use: limits and budgets of its key and of its channels, held before and settled after.

Theory: everything that limits is an allowance on the board (`store.ports.board`). Of a key's allowances all or none
are held before the first attempt, by estimate; what was really used is settled at the end. A channel's are held for
each attempt, and where they do not suffice the next channel is asked.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator, Sequence

import structlog
from msgspec import Struct

from dragoman.canon.problem import Kind, Problem, problem
from dragoman.canon.usage import Usage
from dragoman.ledger.book import PriceBook
from dragoman.ledger.exchange import Exchange
from dragoman.ledger.expected import Expected
from dragoman.ledger.period import period
from dragoman.ledger.price import Cost, cost
from dragoman.routing.key import Key
from dragoman.routing.plan import Step
from dragoman.routing.shape import BudgetTable, KeyLimitsTable
from dragoman.routing.snapshot import Channel
from dragoman.store.ports.board import Board, Full, Hold, Unknown
from dragoman.store.ports.ledger import Spent

LOOK_UP_S = 2.0
"""Seconds that a request waits for the ledger to tell what a budget has used (F90)."""
NANO = 10**9
UNIT = {"rpm": "requests a minute", "tpm": "tokens a minute", "at-once": "requests at once"}

Look = Callable[[str, int], Awaitable[Spent]]
"""What a key has used since a moment, as the ledger knows it."""

NO_LIMITS = KeyLimitsTable()
NOTHING_SPENT = Spent(cost_nano={})

log = structlog.get_logger()


class Need(Struct, frozen=True, kw_only=True):
    """What a request will use, as estimated."""

    prompt: int
    output: int

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.prompt + self.output


class Allowances:
    """Holds and settles; without a board nothing is limited. Mutable: it learns how long answers are."""

    def __init__(self, board: Board | None = None, look: Look | None = None) -> None:
        self._board = board
        self._look = look
        self.prices: PriceBook | None = None
        """What money budgets are counted with; None: nothing costs anything."""
        self._expected = Expected()
        self._settling: set[asyncio.Task[None]] = set()

    async def take(self, id: str, key: Key, need: Need, first: Step) -> Problem | None:  # noqa: A002
        """Holds what the request needs of its key's allowances; the refusal where one does not suffice. `first` is
        the attempt whose price is expected."""
        full = await self._hold(id, tuple(holds_of_key(key, need, self._expected_cost(key, need, first))), key.id)
        return _refusal_of_key(key, full) if full else None

    def need(self, prompt: int, step: Step) -> Need:
        """What an attempt will hardly exceed."""
        return Need(prompt=prompt, output=self._expected.of(step.model, step.max_output))

    def _expected_cost(self, key: Key, need: Need, step: Step) -> Cost | None:
        if self.prices is None or not any(budget.money for budget in key.spec.budgets):
            return None
        channel, now_ms = step.channel, int(time.time() * 1000)
        price, _ = self.prices.find(channel.name, channel.provider, step.model, now_ms)
        return cost(Usage(input=need.prompt, output=need.output), price)

    async def take_channel(self, id: str, channel: Channel, need: Need) -> Problem | None:  # noqa: A002
        """Holds what an attempt needs of its channel's allowances; the limit where one does not suffice."""
        full = await self._hold(id, tuple(holds_of_channel(channel, need)), "")
        if full is None:
            return None
        what = UNIT[full.hold.name.rpartition(":")[2]]
        return problem(
            Kind.RATE_LIMITED,
            f"The channel '{channel.account}' is held to {full.hold.limit} {what}, which are used up. Try again in "
            f"{full.wait_ms / 1000:.0f} s, or raise its limits.",
            retry_after_s=full.wait_ms / 1000,
        )

    def settle(self, exchange: Exchange, key: Key | None) -> None:
        """What was held for the exchange is given back, and what it has used is counted. Nobody waits for it."""
        if key is None or not (key.spec.budgets or key.spec.limits != NO_LIMITS):
            return
        if exchange.usage.exact and exchange.attempts:
            self._expected = self._expected.learned(exchange.attempts[-1].model, exchange.usage.output or 0)
        if self.prices is not None:
            exchange = self.prices.priced(exchange)
        self._spend(exchange.id, f"key:{key.id}", exchange.usage, exchange.cost)

    def settle_channel(self, id: str, channel: Channel, usage: Usage) -> None:  # noqa: A002
        """The same for one attempt on a channel."""
        if channel.limits:
            self._spend(id, f"channel:{channel.account}", usage, None)

    def _spend(self, id: str, prefix: str, usage: Usage, spent: Cost | None) -> None:  # noqa: A002
        tokens = (usage.prompt or 0) + (usage.output or 0)
        used = {f"{prefix}:requests": 1, f"{prefix}:rpm": 1, f"{prefix}:tokens": tokens, f"{prefix}:tpm": tokens}
        if spent is not None:
            used[f"{prefix}:money:{spent.currency}"] = spent.nano
        if self._board is None:
            return
        task = asyncio.create_task(self._board.settle(id, used))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _hold(self, id: str, holds: Sequence[Hold], key_id: str) -> Full | None:  # noqa: A002
        if not holds or self._board is None:
            return None
        now_ms = int(time.time() * 1000)
        found = await self._board.hold(id, holds, now_ms)
        if isinstance(found, Unknown):
            await self._begin(self._board, found.holds, key_id, now_ms)
            found = await self._board.hold(id, holds, now_ms)
        return found if isinstance(found, Full) else None

    async def _begin(self, board: Board, holds: Sequence[Hold], key_id: str, now_ms: int) -> None:
        """Tells the board what the ledger knows. A ledger that is away refuses nobody: it is asked again next time."""
        for hold in holds:
            start_ms = _start_ms(hold, now_ms)
            spent = None if start_ms is None else await self._spent(key_id, start_ms)
            if spent is not None:
                await board.begin(hold, _used(hold, spent), now_ms)

    async def _spent(self, key_id: str, since_ms: int) -> Spent | None:
        if self._look is None:
            return NOTHING_SPENT
        try:
            async with asyncio.timeout(LOOK_UP_S):
                return await self._look(key_id, since_ms)
        except Exception as failed:  # whatever the store raises: it may be away
            log.warning("budgets are not counted while the ledger is away", fault=type(failed).__name__)
            return None


def holds_of_key(key: Key, need: Need, expected: Cost | None) -> Iterator[Hold]:
    """What a request needs of its key's allowances."""
    limits, prefix = key.spec.limits, f"key:{key.id}"
    if limits.simultaneous:
        yield Hold(name=f"{prefix}:at-once", span="now", limit=limits.simultaneous, amount=1)
    if limits.rpm:
        yield Hold(name=f"{prefix}:rpm", span="sliding", limit=limits.rpm, amount=1)
    if limits.tpm:
        yield Hold(name=f"{prefix}:tpm", span="sliding", limit=limits.tpm, amount=need.tokens)
    for budget in key.spec.budgets:
        yield from _holds_of_budget(budget, prefix, need, expected)


def _holds_of_budget(budget: BudgetTable, prefix: str, need: Need, expected: Cost | None) -> Iterator[Hold]:
    span = budget.window
    if budget.requests:
        yield Hold(name=f"{prefix}:requests", span=span, limit=budget.requests, amount=1)
    if budget.tokens:
        yield Hold(name=f"{prefix}:tokens", span=span, limit=budget.tokens, amount=need.tokens)
    if budget.money:
        nano = expected.nano if expected and expected.currency == budget.currency else 0
        name = f"{prefix}:money:{budget.currency}"
        yield Hold(name=name, span=span, limit=nano_of(budget.money), amount=nano)


def holds_of_channel(channel: Channel, need: Need) -> Iterator[Hold]:
    """What an attempt needs of its channel's allowances. Places are `relay.gates`' business on one replica."""
    prefix = f"channel:{channel.account}"
    if rpm := channel.limits.get("rpm"):
        yield Hold(name=f"{prefix}:rpm", span="sliding", limit=rpm, amount=1)
    if tpm := channel.limits.get("tpm"):
        yield Hold(name=f"{prefix}:tpm", span="sliding", limit=tpm, amount=need.tokens)


def nano_of(money: str) -> int:
    """A decimal of at most nine places as whole billionths."""
    whole, _, part = money.partition(".")
    return int(whole) * NANO + int(part.ljust(9, "0") or 0)


def _start_ms(hold: Hold, now_ms: int) -> int | None:
    """Since when the ledger knows of an allowance; None for those that it does not know of."""
    if hold.span == "now" or hold.span == "sliding":
        return None
    return period(hold.span, now_ms).start_ms


def _used(hold: Hold, spent: Spent) -> int:
    """How much of an allowance the ledger says was used."""
    what = hold.name.split(":")
    if what[-1] in ("requests", "tokens"):
        return spent.requests if what[-1] == "requests" else spent.tokens
    return spent.cost_nano.get(what[-1], 0)


def _refusal_of_key(key: Key, full: Full) -> Problem:
    """Why a key must wait, or has nothing left."""
    hold, wait_s = full.hold, full.wait_ms / 1000
    what = hold.name.removeprefix(f"key:{key.id}:")
    if hold.span in ("now", "sliding"):
        return problem(
            Kind.RATE_LIMITED,
            f"The API key '{key.spec.name}' is held to {hold.limit} {UNIT[what]}, which are used up. "
            f"Try again in {wait_s:.0f} s.",
            retry_after_s=wait_s,
        )
    spent, limit = _amount(what, full.used), _amount(what, hold.limit)
    when = "It does not renew itself" if hold.span == "total" else f"It renews itself in {_duration(wait_s)}"
    return problem(
        Kind.BILLING,
        f"The API key '{key.spec.name}' has a budget of {limit} per {hold.span}, of which {spent} are used or held. "
        f"{when}; whoever manages this gateway can raise it.",
        retry_after_s=None if hold.span == "total" else wait_s,
    )


def _amount(what: str, number: int) -> str:
    """An amount with its unit, as `12.50 USD` or `1,000 tokens`."""
    kind, _, currency = what.partition(":")
    return f"{number / NANO:,.2f} {currency}" if kind == "money" else f"{number:,} {kind}"


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
