"""What a request needs of its key's, its project's and its channel's allowances, and what to say where one is short.

Theory: a claim is a hold on the board together with whose it is and what it counts. A budget that is for some models
counts only requests for these: of a client by what was asked for, of a channel by what the channel is asked for.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from msgspec import Struct

from dragoman.canon.problem import Kind, Problem, problem
from dragoman.canon.wildcards import fits_any
from dragoman.ledger.exchange import AttemptRecord
from dragoman.ledger.price import Cost
from dragoman.routing.key import Key
from dragoman.routing.snapshot import Channel
from dragoman.shapes.budget import BudgetTable
from dragoman.store.ports.board import Full, Hold
from dragoman.store.ports.ledger import Payer, Spent

NANO = 10**9
NAMED = 100
"""Characters of a model's name that are compared, as in the ledger."""
UNIT = {"rpm": "requests a minute", "tpm": "tokens a minute", "at-once": "requests at once"}


class Need(Struct, frozen=True, kw_only=True):
    """What a request will use, as estimated."""

    prompt: int
    output: int

    @property
    def tokens(self) -> int:
        """All of them."""
        return self.prompt + self.output


class Claim(Struct, frozen=True, kw_only=True):
    """One hold, whose it is and what it counts."""

    hold: Hold
    payer: Payer
    unit: str
    """A limit, `requests`, `tokens`, or `money:` and the currency."""
    models: tuple[str, ...] = ()

    @property
    def is_limit(self) -> bool:
        """Whether it is a limit that renews itself all the time, of which the ledger knows nothing."""
        return self.hold.span in ("now", "sliding")

    def counted(self, spent: Spent) -> int:
        """How much of it was used."""
        match self.unit:
            case "requests":
                return spent.requests
            case "tokens":
                return spent.tokens
        return spent.cost_nano.get(self.unit.removeprefix("money:"), 0)

    def used(self, attempt: AttemptRecord | None) -> int:
        """What an attempt has used of it; None where nothing is to be paid for."""
        if self.unit in ("requests", "rpm", "at-once"):
            return 1
        if attempt is None:
            return 0
        if self.unit in ("tokens", "tpm"):
            return attempt.usage.prompt + (attempt.usage.output or 0)
        cost = attempt.cost
        return cost.nano if cost and self.unit == f"money:{cost.currency}" else 0


class Wish(Struct, frozen=True, kw_only=True):
    """What is going to be used, and when a day begins."""

    need: Need
    model: str = ""
    cost: Cost | None = None
    """Expected; None where nothing is counted in money."""
    zone: str = "UTC"
    """Of budgets that name none."""


def claims_of_key(key: Key, wish: Wish) -> Iterator[Claim]:
    """What a request needs of its key's allowances."""
    limits, payer = key.spec.limits, Payer("key", key.id)
    if limits.simultaneous:
        yield _limit(payer, "at-once", "now", limits.simultaneous, 1)
    if limits.rpm:
        yield _limit(payer, "rpm", "sliding", limits.rpm, 1)
    if limits.tpm:
        yield _limit(payer, "tpm", "sliding", limits.tpm, wish.need.tokens)
    yield from claims_of_budgets(payer, key.spec.budgets, wish)


def claims_of_channel(channel: Channel, wish: Wish) -> Iterator[Claim]:
    """What an attempt needs of its channel's allowances. Places are `relay.gates`' business."""
    account = Payer("channel", channel.account)
    if rpm := channel.limits.get("rpm"):
        yield _limit(account, "rpm", "sliding", rpm, 1)
    if tpm := channel.limits.get("tpm"):
        yield _limit(account, "tpm", "sliding", tpm, wish.need.tokens)
    yield from claims_of_budgets(Payer("channel", channel.name), channel.budgets, wish)


def claims_of_budgets(payer: Payer, budgets: Iterable[BudgetTable], wish: Wish) -> Iterator[Claim]:
    """What is needed of those budgets that count requests for the model."""
    yield from claims_of_all(payer, (budget for budget in budgets if is_for(budget.models, wish.model)), wish)


def claims_of_all(payer: Payer, budgets: Iterable[BudgetTable], wish: Wish) -> Iterator[Claim]:
    """What is needed of budgets, for whatever model; of two that count the same, of the tighter one."""
    tightest: dict[tuple[str, str, str], Claim] = {}
    for budget in budgets:
        for claim in _claims_of_budget(payer, budget, wish):
            known = tightest.get(place_of(claim.hold))
            if known is None or claim.hold.limit < known.hold.limit:
                tightest[place_of(claim.hold)] = claim
    yield from tightest.values()


def place_of(hold: Hold) -> tuple[str, str, str]:
    """What tells a hold's counter from others."""
    return hold.name, hold.span, hold.zone


def is_for(models: tuple[str, ...], model: str) -> bool:
    """Whether a budget counts requests for a model."""
    named = model.replace("\0", "")[:NAMED]
    return not models or fits_any(named, models)


def _limit(payer: Payer, unit: str, span: str, limit: int, amount: int) -> Claim:
    return Claim(hold=Hold(name=f"{payer}:{unit}", span=span, limit=limit, amount=amount), payer=payer, unit=unit)


def _claims_of_budget(payer: Payer, budget: BudgetTable, wish: Wish) -> Iterator[Claim]:
    counted = [("requests", budget.requests, 1), ("tokens", budget.tokens, wish.need.tokens)]
    if budget.money is not None:
        expected = wish.cost.nano if wish.cost and wish.cost.currency == budget.currency else 0
        counted.append((f"money:{budget.currency}", nano_of(budget.money), expected))
    narrowed = f"[{','.join(sorted(budget.models))}]" if budget.models else ""
    for unit, limit, amount in counted:
        if limit is not None:
            name = f"{payer}{narrowed}:{unit}"
            hold = Hold(name=name, span=budget.window, zone=budget.zone or wish.zone, limit=limit, amount=amount)
            yield Claim(hold=hold, payer=payer, unit=unit, models=budget.models)


def nano_of(money: str) -> int:
    """A decimal of at most nine places as whole billionths."""
    whole, _, part = money.partition(".")
    return int(whole) * NANO + int(part.ljust(9, "0") or 0)


def refusal_of_client(claim: Claim, full: Full, owner: str) -> Problem:
    """Why a client must wait, or has nothing left. `owner` names whose allowance it is, in words."""
    wait_s = full.wait_ms / 1000
    if claim.is_limit:
        return problem(
            Kind.RATE_LIMITED,
            f"{owner} is held to {full.hold.limit} {UNIT[claim.unit]}, which are used up. Try again in {wait_s:.0f} s.",
            retry_after_s=wait_s,
        )
    when = "It does not renew itself" if full.hold.span == "total" else f"It renews itself in {_duration(wait_s)}"
    return problem(
        Kind.BILLING,
        f"{owner} has {budget_words(claim, full)}. {when}; whoever manages this gateway can raise it.",
        retry_after_s=None if full.hold.span == "total" else wait_s,
    )


def refusal_of_channel(claim: Claim, full: Full, account: str) -> Problem:
    """Why a channel cannot be asked now."""
    wait_s = full.wait_ms / 1000
    if claim.is_limit:
        words = f"is held to {full.hold.limit} {UNIT[claim.unit]}, which are used up"
    else:
        words = f"has {budget_words(claim, full)}"
    again = "Raise it" if full.hold.span == "total" else f"Try again in {_duration(wait_s)}, or raise it"
    return problem(
        Kind.RATE_LIMITED,
        f"The channel '{account}' {words}. {again}, or ask for a model of another channel.",
        retry_after_s=None if full.hold.span == "total" else wait_s,
    )


def budget_words(claim: Claim, full: Full) -> str:
    """A budget that is used up, as `a budget of 5 requests per day, of which 5 requests are used or held`."""
    span = full.hold.span
    when = f"in the {span}" if span.startswith("past ") else f"per {span}"
    what = f" for {', '.join(claim.models)}" if claim.models else ""
    limit, used = _amount(claim.unit, full.hold.limit), _amount(claim.unit, full.used)
    return f"a budget of {limit} {when}{what}, of which {used} are used or held"


def _amount(unit: str, number: int) -> str:
    """An amount with its unit, as `12.50 USD` or `1,000 tokens`."""
    kind, _, currency = unit.partition(":")
    return f"{number / NANO:,.2f} {currency}" if kind == "money" else f"{number:,} {kind}"


def _duration(seconds: float) -> str:
    for size, unit in ((86400, "days"), (3600, "hours"), (60, "minutes")):
        if seconds >= size:
            return f"{seconds / size:.1f} {unit}"
    return f"{seconds:.0f} s"
