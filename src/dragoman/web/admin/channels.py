"""What can be done with a channel beside changing it: try it, ask what models it has, see how it is, heal it.

Rule. Of what an upstream answered only the kind of problem and the status are told, never its words: else whoever may
enter an address could read by it what answers there (SSRF).
"""

from __future__ import annotations

import asyncio
from typing import Annotated, Literal

from fastapi import Response
from msgspec import Meta, Struct

from dragoman.canon.problem import Kind, Trouble
from dragoman.relay.listing import matching, remember
from dragoman.relay.probe import SUGGESTIONS, TESTS, Finding, Test, accounts_of, probe_model
from dragoman.relay.standing import Standing
from dragoman.routing.snapshot import Channel
from dragoman.store.ports import StoreTrouble, Tried
from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.desk import Ailment
from dragoman.web.admin.wire import Refusal, answer, nothing

AT_ONCE = 8
"""Calls of one test that run at one time."""


class Trial(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is to be tried."""

    model: Annotated[str, Meta(max_length=500)] = ""
    """Empty: one that the channel is configured for."""
    tests: tuple[Test, ...] = TESTS
    each_key: bool = False
    """Whether each of several keys is tried; else the first one is."""


class Outcome(Struct, frozen=True, kw_only=True):
    """What one call found."""

    test: Test
    account: str
    """The channel, and which of its keys."""
    model: str
    ok: bool
    problem: str
    """Kind of the problem; empty if there is none."""
    status: int
    """HTTP status of the upstream's answer; 0 where none came."""
    suggestion: str
    took_ms: int


class Offered(Struct, frozen=True, kw_only=True):
    """The models of a channel."""

    listed: tuple[str, ...]
    """What its provider lists now."""
    taken: tuple[str, ...]
    """Those of them that the channel's `sync.pattern` matches; all where it has none."""
    configured: tuple[str, ...]
    """What the channel serves; none: any."""


class Busy(Struct, frozen=True, kw_only=True):
    """How busy and quick one model is, as far as this replica sees it."""

    model: str
    under_way: int
    first_content_ms: float | None
    success: float


class Left(Struct, frozen=True, kw_only=True):
    """What an account still has of one thing."""

    left: float
    unit: str
    """A currency, `credits` or `tokens`."""
    limit: float | None
    of: str
    """What it is for, as a model; empty: anything."""


class Funds(Struct, frozen=True, kw_only=True):
    """What a provider has told of an account."""

    state: Literal["available", "low", "exhausted", "unknown"]
    amounts: tuple[Left, ...]
    asked_ms: int
    due_ms: int
    """When it was asked about, and will be again (Unix time)."""
    problem: str
    """Kind of the problem that kept it from being told; empty if there was none."""


class Rate(Struct, frozen=True, kw_only=True):
    """What is left of the scarcest limit that a provider told with its last answer, by model."""

    model: str
    of: str
    """What it counts, as `tokens`."""
    limit: int
    left: int
    for_ms: int
    """Until it is whole again."""


class Condition(Struct, frozen=True, kw_only=True):
    """How one account of a channel is."""

    channel: str
    account: str
    source: str
    enabled: bool
    state: str
    """`fit`, `resting`, or `off` where it is disabled."""
    reasons: tuple[Ailment, ...]
    loads: tuple[Busy, ...]
    funds: Funds | None
    """None where nobody asks, or the provider has no API for it."""
    rates: tuple[Rate, ...]


def routes(api: Api) -> None:
    """Declares the routes. A channel of the file or the environment is named by its name instead of an id."""

    @api.route("GET", "/channels/health", needs="channels:read", tells=list[Condition])
    async def health(call: Call) -> Response:
        """How each account is, as this replica knows: what rests, until when and why."""
        channels = call.desk.snapshot.channels
        return answer([condition_of(call, one) for channel in channels for one in accounts_of(channel)])

    @api.route("POST", "/channels/{id}/heal", needs="channels:write", status=204)
    async def heal(call: Call) -> Response:
        """Forgets what is remembered against a channel, here and on other replicas, so that it is asked again."""
        channel = await in_force(call)
        for one in accounts_of(channel):
            call.desk.heal(one)
        await call.store.audit.append(call.noted("channel.heal", channel.name))
        return nothing()

    @api.route("POST", "/channels/{id}/test", needs="channels:write", reads=Trial, tells=list[Outcome])
    async def test(call: Call) -> Response:
        """Makes real small calls on a channel: a text, a stream, a call of a tool, a picture. Costs some tokens."""
        said = await call.body(Trial)
        channel = await in_force(call)
        model = said.model or probe_model(call.desk.snapshot, channel.name)
        if not model:
            raise Refusal(422, "no_model", "The channel names no model. Say in `model` which one is to be tried.")
        accounts = accounts_of(channel) if said.each_key else accounts_of(channel)[:1]
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(account: Channel, what: Test) -> Outcome:
            async with gate:
                return outcome_of(await call.desk.probe(account, model, what))

        await call.store.audit.append(call.noted("channel.test", channel.name))
        found = await asyncio.gather(*(one(account, what) for account in accounts for what in said.tests))
        await call.store.trials.add(channel.name, [tried_of(call, each) for each in found])
        return answer(found)

    @api.route("GET", "/channels/{id}/tests", needs="channels:read", tells=list[Tried])
    async def tests(call: Call) -> Response:
        """What tests of a channel have found, the latest first."""
        return answer(await call.store.trials.of((await in_force(call)).name))

    @api.route("GET", "/channels/{id}/models", needs="channels:write", tells=Offered)
    async def models(call: Call) -> Response:
        """Asks the provider for its models."""
        return answer(await offered_by(call, await in_force(call)))

    @api.route("POST", "/channels/{id}/models", needs="channels:write", tells=Offered)
    async def sync(call: Call) -> Response:
        """Asks the provider for its models, and takes them now."""
        channel = await in_force(call)
        if channel.sync is None:
            raise Refusal(409, "no_sync", "The channel's models are written by hand. Give it `sync` first.")
        found = await offered_by(call, channel)
        await remember(call.store.configuration, call.by, channel.name, found.taken)
        return answer(found)


async def in_force(call: Call) -> Channel:
    """The channel of the path, as it is in force. Raises `Refusal`."""
    try:
        name = (await call.store.configuration.channels.get(call.id)).spec.name
    except StoreTrouble as trouble:
        if trouble.kind != "missing":
            raise
        name = call.id
    for channel in call.desk.snapshot.channels:
        if channel.name == name:
            return channel
    raise Refusal(404, "missing", "There is no such channel in force.")


async def offered_by(call: Call, channel: Channel) -> Offered:
    """What a channel's provider lists now. Raises `Refusal`."""
    try:
        listed = await call.desk.models(accounts_of(channel)[0])
    except Trouble as trouble:
        raise not_listed(trouble) from None
    taken = matching(listed, channel.sync.pattern if channel.sync else "")
    return Offered(listed=listed, taken=taken, configured=channel.models)


def condition_of(call: Call, account: Channel) -> Condition:
    """How one account is."""
    reasons = tuple(call.desk.health(account))
    state = "off" if not account.enabled else "resting" if any(one.is_open for one in reasons) else "fit"
    loads = tuple(
        Busy(model=model, under_way=load.under_way, first_content_ms=load.first_ms, success=load.success)
        for model, load in call.desk.loads(account).items()
    )
    return Condition(
        channel=account.name,
        account=account.account,
        source=account.source,
        enabled=account.enabled,
        state=state,
        reasons=reasons,
        loads=loads,
        funds=funds_of(call.desk.standing(account)),
        rates=tuple(
            Rate(model=model, of=room.of, limit=room.limit, left=room.left, for_ms=int(room.for_s * 1000))
            for model, room in call.desk.rooms(account).items()
        ),
    )


def funds_of(found: Standing | None) -> Funds | None:
    """What is told of an account, for who manages it."""
    if found is None:
        return None
    amounts = tuple(Left(left=one.left, unit=one.unit, limit=one.limit, of=one.of) for one in found.balance.amounts)
    return Funds(
        state=found.balance.state,
        amounts=amounts,
        asked_ms=found.asked_ms,
        due_ms=found.due_ms,
        problem=found.problem,
    )


def tried_of(call: Call, found: Outcome) -> Tried:
    """What is remembered of one call of a test."""
    return Tried(
        at_ms=call.desk.now_ms(),
        by=call.by.name,
        test=found.test,
        account=found.account,
        model=found.model,
        ok=found.ok,
        problem=found.problem,
        status=found.status,
        took_ms=found.took_ms,
    )


def outcome_of(found: Finding) -> Outcome:
    """A finding without the upstream's words."""
    return Outcome(
        test=found.test,
        account=found.account,
        model=found.model,
        ok=found.ok,
        problem=found.problem,
        status=found.status,
        suggestion=found.suggestion,
        took_ms=found.took_ms,
    )


def not_listed(trouble: Trouble) -> Refusal:
    """Why there is no list of models, without the upstream's words."""
    kind = trouble.problem.kind
    if kind is Kind.UNSUPPORTED:
        return Refusal(409, "no_list", "The provider has no list of models. Write them by hand.")
    words = f"The provider was asked for its models but: {kind.value}. {SUGGESTIONS.get(kind, 'Try again later.')}"
    return Refusal(502, kind.value, words)
