"""What a request may use: limits and budgets of its key, user, project and channel, held before and settled after.

Theory: everything that limits is an allowance on the board (`store.ports.board`). Of a client's allowances all or none
are held before the first attempt, by estimate; what was really used is settled at the end. A channel's are held for
each attempt, and where they do not suffice the next channel is asked; one whose budget is known to be used up is
passed over in the plan.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from typing import NamedTuple
from uuid import uuid4

import structlog
from msgspec.structs import replace

from dragoman.canon.problem import Problem
from dragoman.canon.usage import Usage
from dragoman.ledger.book import PriceBook
from dragoman.ledger.exchange import AttemptRecord, Exchange
from dragoman.ledger.expected import Expected
from dragoman.ledger.period import period, step_ms, zone_of
from dragoman.ledger.price import Cost, cost
from dragoman.relay.claims import (
    Claim,
    Need,
    Wish,
    budget_words,
    claims_of_all,
    claims_of_budgets,
    claims_of_channel,
    claims_of_key,
    place_of,
    refusal_of_channel,
    refusal_of_client,
)
from dragoman.routing.key import Key
from dragoman.routing.load import Loads
from dragoman.routing.plan import Step
from dragoman.routing.snapshot import Channel, Snapshot
from dragoman.shapes.budget import BudgetTable
from dragoman.shapes.tuning import TuningTable
from dragoman.store.ports.board import Board, Full, Unknown
from dragoman.store.ports.ledger import Payer, Spent

LOOK_UP_S = 2.0
"""Seconds that a request waits for the ledger to tell what a budget has used (F90)."""
SURVEY_S = 1.0
"""Seconds that is believed what is left of a channel's budgets, when a request is planned."""

Look = Callable[[Payer, int, int, Sequence[str]], Awaitable[tuple[Spent, ...]]]
"""`Ledger.spent`: by payer, since a moment, in steps of so many milliseconds (0: in one), for patterns of models."""


class Client(NamedTuple):
    """Who asks, as far as budgets go."""

    key: Key
    project: tuple[BudgetTable, ...] = ()
    """Budgets of its project."""


NOTHING = Need(prompt=0, output=0)

log = structlog.get_logger()


class Allowances:
    """Holds and settles; without a board nothing is limited. Mutable: it learns how long answers are, and which
    channels have nothing left."""

    def __init__(self, board: Board | None = None, look: Look | None = None) -> None:
        self.board = board
        self._look = look
        self.prices: PriceBook | None = None
        """What money budgets are counted with; None: nothing costs anything."""
        self.of_users: tuple[BudgetTable, ...] = ()
        """Budgets that each user has, of all keys together that belong to them."""
        self.zone = "UTC"
        """In which days begin where a budget does not say it."""
        self._expected = Expected()
        self._taken: dict[str, tuple[Claim, ...]] = {}
        """What runs, and what is held for it."""
        self._settling: set[asyncio.Task[None]] = set()
        self._snapshot: Snapshot | None = None
        self._channels: tuple[Channel, ...] = ()
        """Those of the snapshot that have budgets."""
        self._surveyed_s: dict[str, float] = {}
        self._full: dict[tuple[str, tuple[str, ...]], tuple[str, float]] = {}
        """By channel and models, why it has nothing left for these, and until when that is believed."""

    def configure(self, prices: PriceBook, tuning: TuningTable) -> None:
        """From now on these are in force."""
        self.prices, self.zone, self.of_users = prices, tuning.zone or "UTC", tuning.user_budgets or ()
        self._surveyed_s.clear()
        self._full.clear()

    async def take(self, id: str, client: Client, asked: str, need: Need, first: Step) -> Problem | None:  # noqa: A002
        """Holds what the request needs of its key's, its user's and its project's allowances; the refusal where one
        does not suffice. `first` is the attempt whose price is expected."""
        key, project = client
        of_user = self.of_users if key.spec.owner else ()
        budgets = (*key.spec.budgets, *of_user, *project)
        wish = Wish(need=need, model=asked, cost=self._expected_cost(budgets, need, first), zone=self.zone)
        claims = (
            *claims_of_key(key, wish),
            *claims_of_budgets(Payer("user", key.spec.owner), of_user, wish),
            *claims_of_budgets(Payer("project", key.spec.project), project, wish),
        )
        short = await self._hold(id, claims)
        if short is None:
            return None
        claim, full = short
        named = (
            f"API key '{key.spec.name}'" if claim.payer.kind == "key" else f"{claim.payer.kind} '{claim.payer.name}'"
        )
        return refusal_of_client(claim, full, f"The {named}")

    def need(self, prompt: int, step: Step) -> Need:
        """What an attempt will hardly exceed."""
        return Need(prompt=prompt, output=self._expected.of(step.model, step.max_output))

    def _expected_cost(self, budgets: Iterable[BudgetTable], need: Need, step: Step) -> Cost | None:
        if self.prices is None or not any(budget.money for budget in budgets):
            return None
        channel, now_ms = step.channel, _now_ms()
        price, _ = self.prices.find(channel.name, channel.provider, step.model, now_ms)
        return cost(Usage(input=need.prompt, output=need.output), price, answered=True)

    async def take_channel(self, id: str, step: Step, need: Need) -> Problem | None:  # noqa: A002
        """Holds what an attempt needs of its channel's allowances; the refusal where one does not suffice."""
        channel = step.channel
        if not (channel.limits or channel.budgets):
            return None
        expected = self._expected_cost(channel.budgets, need, step)
        claims = tuple(claims_of_channel(channel, Wish(need=need, model=step.model, cost=expected, zone=self.zone)))
        short = await self._hold(id, claims)
        if short is None:
            return None
        claim, full = short
        return refusal_of_channel(claim, full, channel.account if claim.is_limit else channel.name)

    def _budgeted(self, snapshot: Snapshot) -> tuple[Channel, ...]:
        """The channels that have budgets."""
        if snapshot is not self._snapshot:
            self._snapshot = snapshot
            self._channels = tuple(channel for channel in snapshot.channels if channel.budgets)
        return self._channels

    async def survey(self, snapshot: Snapshot) -> None:
        """Looks which channels have nothing left of a budget, unless that was looked at just now."""
        channels, now_s = self._budgeted(snapshot), _now_s()
        due = [each for each in channels if now_s - self._surveyed_s.get(each.name, -SURVEY_S) >= SURVEY_S]
        for channel in due:
            self._surveyed_s[channel.name] = now_s
        if due:
            parts = [(channel, models) for channel in due for models in {budget.models for budget in channel.budgets}]
            await asyncio.gather(*(self._survey(channel, models, now_s) for channel, models in parts))

    async def _survey(self, channel: Channel, models: tuple[str, ...], now_s: float) -> None:
        """Looks at a channel's budgets for these models."""
        # Of a budget with a limit less by one, nothing fits exactly while nothing is left; and nothing is held.
        budgets = (budget for budget in channel.budgets if budget.models == models)
        claims = tuple(
            replace(claim, hold=replace(claim.hold, limit=claim.hold.limit - 1, amount=0))
            for claim in claims_of_all(Payer("channel", channel.name), budgets, Wish(need=NOTHING, zone=self.zone))
        )
        id = f"survey:{uuid4().hex}"  # noqa: A001
        short = await self._hold(id, claims)
        if short is None:
            self._full.pop((channel.name, models), None)
            self._settle(id, None, sent=False)
            return
        claim, full = short
        asked_for = replace(full, hold=replace(full.hold, limit=full.hold.limit + 1))
        why = f"it has {budget_words(claim, asked_for)}"
        self._full[channel.name, models] = (why, now_s + full.wait_ms / 1000)

    def full(self, snapshot: Snapshot, loads: Loads) -> Loads:
        """The loads, with why channels that have nothing left of a budget cannot be asked, as far as is known."""
        if not self._full:
            return loads
        whole, some = dict(loads.full), dict(loads.full_for)
        accounts = {channel.name: (channel, *channel.accounts) for channel in self._budgeted(snapshot)}
        for (name, models), (why, until_s) in self._full.items():
            if _now_s() < until_s:
                for one in accounts.get(name, ()):
                    if models:
                        some[one.account] = (*some.get(one.account, ()), (models, why))
                    else:
                        whole[one.account] = why
        return replace(loads, full=whole, full_for=some)

    def settle(self, exchange: Exchange) -> None:
        """What was held for the exchange is given back, and what it has used is counted. Nobody waits for it."""
        if exchange.id not in self._taken:
            return
        if exchange.usage.exact and exchange.attempts:
            self._expected = self._expected.learned(exchange.attempts[-1].model, exchange.usage.output or 0)
        if self.prices is not None:
            exchange = self.prices.priced(exchange)
        self._settle(exchange.id, exchange.charged)

    def settle_channel(self, id: str, attempt: AttemptRecord) -> None:  # noqa: A002
        """The same for one attempt on a channel, which pays for it whether or not it came to anything."""
        if id in self._taken:
            self._settle(id, self.prices.billed(attempt) if self.prices else attempt, sent=attempt.status is not None)

    def _settle(self, id: str, attempt: AttemptRecord | None, *, sent: bool = True) -> None:  # noqa: A002
        claims = self._taken.pop(id, ())
        if self.board is None or not claims:
            return
        used = {claim.hold.name: claim.used(attempt) if sent else 0 for claim in claims}
        task = asyncio.create_task(self.board.settle(id, used))
        self._settling.add(task)
        task.add_done_callback(self._settling.discard)

    async def _hold(self, id: str, claims: tuple[Claim, ...]) -> tuple[Claim, Full] | None:  # noqa: A002
        """Holds all of these, or none and the one that is short."""
        if not claims or self.board is None:
            return None
        now_ms = _now_ms()
        holds = [claim.hold for claim in claims]
        found = await self.board.hold(id, holds, now_ms)
        if isinstance(found, Unknown):
            places = {place_of(hold) for hold in found.holds}
            await self._begin(self.board, [claim for claim in claims if place_of(claim.hold) in places], now_ms)
            found = await self.board.hold(id, holds, now_ms)
        if isinstance(found, Full):
            short = place_of(found.hold)
            return next(claim for claim in claims if place_of(claim.hold) == short), found
        self._taken[id] = claims
        return None

    async def _begin(self, board: Board, claims: Sequence[Claim], now_ms: int) -> None:
        """Tells the board what the ledger knows. A ledger that is away refuses nobody: it is asked again next time."""
        for claim in claims:
            spent = await self._spent(claim, now_ms)
            if spent is not None:
                await board.begin(claim.hold, {each.start_ms: claim.counted(each) for each in spent}, now_ms)

    async def _spent(self, claim: Claim, now_ms: int) -> Sequence[Spent] | None:
        hold = claim.hold
        if self._look is None or hold.span == "minute":
            return ()  # a minute is shorter than the steps that the ledger knows, and soon over
        start_ms = period(hold.span, now_ms, zone_of(hold.zone)).start_ms
        try:
            async with asyncio.timeout(LOOK_UP_S):
                return await self._look(claim.payer, start_ms, step_ms(hold.span), claim.models)
        except Exception as failed:  # whatever the store raises: it may be away
            log.warning("budgets are not counted while the ledger is away", fault=type(failed).__name__)
            return None


def _now_ms() -> int:
    return int(time.time() * 1000)


def _now_s() -> float:
    return asyncio.get_running_loop().time()
