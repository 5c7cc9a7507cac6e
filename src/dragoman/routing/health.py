"""Which channels are fit to be asked, learned from what happened: circuit breakers, and where sessions are at home.

Rules. A breaker (`routing.breaker`) stands at one of three scopes: a target (channel and model), a channel (its
credential), or a host. What has closed is eased in. A session stays where its prompt cache is warm,
unless that place is ill.

Theory: everything is a frozen value and `learn` is the only way it changes, so that a replica can be replayed.
Scopes without trouble have no entry, so a healthy gateway pays nothing here.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, NamedTuple, TypeAlias

from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.canon.problem import Kind, Problem
from dragoman.routing.breaker import FAULTS, Breaker, Fault, Moment, bettered, failed, is_tried, opened, rests
from dragoman.routing.plan import Step
from dragoman.routing.snapshot import Channel
from dragoman.shapes.policy import USUAL_BREAKER, BreakerPolicy

EASE_MS = 30_000
EASE_FROM = 0.1
"""What has recovered begins with this share of its requests and has all of them after this time."""
LEASE_MS = 60_000
"""How long one probe keeps others away; a longer answer frees the place for another probe."""
HOST_OPEN_AFTER = 2
"""Deployments of one host whose connecting failed open the host."""
WARM_SHARE = 1.1
"""A pin outlives the prompt cache by a tenth, and need not be refreshed more often than that."""
PATIENCE_MS = 10_000
"""A limit of up to this does not cost a session its home."""
BREAKER_LIMIT = 1000
PIN_LIMIT = 4000
"""Scopes and sessions that are remembered at most; the oldest are forgotten."""


class Healed(NamedTuple):
    """What is forgotten together."""

    host: str
    account: str
    """Of the channel."""


class Pin(Struct, frozen=True, kw_only=True):
    """Where a session is at home, while its prompt cache is warm there."""

    channel: str
    scopes: tuple[str, ...]
    hit_ms: int
    """When it was last used."""
    warm_ms: int
    """How long the cache lives after a hit."""


class Health(Struct, frozen=True, kw_only=True):
    """All that is known of the channels' health, and the homes of sessions."""

    breakers: Mapping[str, Breaker] = field(default_factory=dict)
    pins: Mapping[str, Pin] = field(default_factory=dict)
    heals: Mapping[Healed, int] = field(default_factory=dict)
    """How often whoever mended something here had it forgotten."""


class Succeeded(Struct, frozen=True):
    """The answer came whole."""


class Left(Struct, frozen=True):
    """The client left, or we stopped; nothing is known of the channel."""


Outcome: TypeAlias = Succeeded | Problem | Left


class Fitness(Struct, frozen=True):
    """Whether a target may be asked now."""

    answer: Literal["yes", "no", "probe"]
    why: str = ""
    wait_ms: int = 0
    """Until it may be asked, for `no`."""
    is_limit: bool = False
    """Whether that wait is for a limit."""
    told: bool = False
    """Whether it is the provider's word, which no request may override."""
    kind: Kind = Kind.UPSTREAM_ERROR
    """What the wait is for."""


FIT = Fitness("yes")
_SEVERITY = {"yes": 0, "probe": 1, "no": 2}


def usable(health: Health, channel: Channel, model: str, now_ms: int) -> Fitness:
    """Whether this target may be asked now: the worst word of its three scopes."""
    return _worst(health, _scopes(channel, model), now_ms) if health.breakers else FIT


def begin(health: Health, step: Step, now_ms: int) -> Health:
    """Health once an attempt sets out: a probe keeps others away until it ends, or for `LEASE_MS`."""
    return _leased(health, step, now_ms + LEASE_MS) if step.probe else health


def learn(
    health: Health, step: Step, outcome: Outcome, now_ms: int, dice: float, policy: BreakerPolicy = USUAL_BREAKER
) -> Health:
    """Health after an attempt has ended this way. `dice` is drawn evenly from 0 up to 1."""
    match outcome:
        case Succeeded():
            return _at_home(_recovered(health, step, now_ms, policy), step, now_ms)
        case Problem() if fault := _fault(step.channel, outcome):
            return _failed(_released(health, step), step, outcome, fault, Moment(now_ms, dice, policy))
        case _:
            return _released(health, step)


def home(health: Health, pin: str, now_ms: int) -> str:
    """The account of a channel where a session's prompt cache is warm; empty if nowhere, or if it is lost there."""
    found = health.pins.get(pin)
    return found.channel if found and _stands(health, found, now_ms) else ""


def eased_share(health: Health, channel: Channel, model: str, now_ms: int) -> float:
    """Share of its requests that a target which has recovered may have by now."""
    closed = [breaker.closed_ms for scope in _scopes(channel, model) if (breaker := health.breakers.get(scope))]
    since_ms = now_ms - max(closed) if any(closed) else EASE_MS
    return min(1.0, EASE_FROM + (1 - EASE_FROM) * max(0, since_ms) / EASE_MS)


def remembered(health: Health, channel: Channel) -> dict[str, Breaker]:
    """All that is remembered of a channel, by scope: of its host, its credential and its models."""
    concerned = Healed(_host(channel), channel.account)
    return {scope: breaker for scope, breaker in health.breakers.items() if _concerns(scope, concerned)}


def healed(health: Health, channel: Channel) -> Health:
    """Health with nothing remembered of a channel: whoever mended it need not wait."""
    mended = Healed(_host(channel), channel.account)
    return replace(forgotten(health, mended), heals={**health.heals, mended: health.heals.get(mended, 0) + 1})


def forgotten(health: Health, mended: Healed) -> Health:
    """Health without what was remembered of what somebody has mended."""
    kept = {scope: breaker for scope, breaker in health.breakers.items() if not _concerns(scope, mended)}
    return replace(health, breakers=kept)


def _concerns(scope: str, what: Healed) -> bool:
    if scope.startswith("model "):
        return scope.endswith(f" on {what.account}")
    return scope in (f"host {what.host}", f"channel {what.account}")


def _fault(channel: Channel, found: Problem) -> Fault | None:
    """What a problem means for this channel's health; None: nothing."""
    for rule in channel.rests:
        if rule.status == found.upstream_status:
            rest_ms = int(rule.for_s * 1000)
            return Fault("channel", rule.times, (rest_ms, rest_ms))
    return FAULTS.get(found.kind)


def _scopes(channel: Channel, model: str) -> tuple[str, str, str]:
    """The host, the channel and the target."""
    return f"host {_host(channel)}", f"channel {channel.account}", f"model {model} on {channel.account}"


def _host(channel: Channel) -> str:
    return channel.base_url.partition("://")[2].partition("/")[0]


def _found(health: Health, step: Step) -> dict[str, Breaker]:
    """The breakers that an attempt concerns."""
    scopes = _scopes(step.channel, step.model)
    return {scope: health.breakers[scope] for scope in scopes if scope in health.breakers}


def _worst(health: Health, scopes: tuple[str, ...], now_ms: int) -> Fitness:
    """The worst word of these scopes; of several waits, the longest."""
    worst = FIT
    for scope in scopes if health.breakers else ():
        breaker = health.breakers.get(scope)
        if breaker is not None and breaker.is_open:
            found = _fitness(scope, breaker, now_ms)
            if (_SEVERITY[found.answer], found.wait_ms) > (_SEVERITY[worst.answer], worst.wait_ms):
                worst = found
    return worst


def _fitness(scope: str, breaker: Breaker, now_ms: int) -> Fitness:
    """The word of one scope that is open."""
    wait_ms = breaker.until_ms - now_ms
    if wait_ms > 0:
        why = f"{scope} rests {wait_ms / 1000:.1f} s more after {breaker.kind}"
        return Fitness("no", why, wait_ms, breaker.is_limit, breaker.told, breaker.kind)
    if breaker.is_limit:
        return FIT
    if breaker.leased_until_ms > now_ms:
        return Fitness("no", f"{scope} is being tried by another request after {breaker.kind}", kind=breaker.kind)
    return Fitness("probe", f"{scope} is tried again after {breaker.kind}", kind=breaker.kind)


def _failed(health: Health, step: Step, found: Problem, fault: Fault, now: Moment) -> Health:
    """Counts one fault, and opens what has had enough."""
    host, channel, target = _scopes(step.channel, step.model)
    scope = channel if fault.scope == "channel" else target
    health = _remember(health, scope, failed(health.breakers.get(scope, Breaker(host=host)), found, fault, now))
    return _failed_to_connect(health, host, found, now) if fault.connect else health


def _failed_to_connect(health: Health, host: str, found: Problem, now: Moment) -> Health:
    """Opens the host once enough of its targets cannot be reached, or when its probe failed."""
    before = health.breakers.get(host, Breaker())
    ill = sum(1 for other in health.breakers.values() if other.host == host and other.is_open and other.connect_only)
    if rests(before, now.ms) or not (ill >= HOST_OPEN_AFTER or is_tried(before)):
        return health
    return _remember(health, host, opened(replace(before, kind=found.kind), found, FAULTS[found.kind], now))


def _recovered(health: Health, step: Step, now_ms: int, policy: BreakerPolicy) -> Health:
    """Health after a success: faults in a row are over, and what was open comes nearer to closing."""
    if not health.breakers:
        return health
    better = {scope: bettered(breaker, now_ms, policy) for scope, breaker in _found(health, step).items()}
    if all(health.breakers[scope] is breaker for scope, breaker in better.items()):
        return health
    kept = {scope: breaker for scope, breaker in {**health.breakers, **better}.items() if breaker is not None}
    return replace(health, breakers=kept)


def _released(health: Health, step: Step) -> Health:
    """Gives back the lease of a probe."""
    return _leased(health, step, 0) if step.probe else health


def _leased(health: Health, step: Step, until_ms: int) -> Health:
    changed = {
        scope: replace(breaker, leased_until_ms=until_ms)
        for scope, breaker in _found(health, step).items()
        if breaker.is_open
    }
    return replace(health, breakers={**health.breakers, **changed})


def _remember(health: Health, scope: str, breaker: Breaker) -> Health:
    """The breakers with this one changed; past the limit, the one whose rest was over first is forgotten."""
    breakers = {**health.breakers, scope: breaker}
    if len(breakers) > BREAKER_LIMIT:
        del breakers[min(health.breakers, key=lambda other: health.breakers[other].until_ms)]
    return replace(health, breakers=breakers)


def _at_home(health: Health, step: Step, now_ms: int) -> Health:
    """Pins a session to the channel that answered, unless it has a home elsewhere that still stands."""
    before = health.pins.get(step.pin)
    if not step.pin or (before and _stands(health, before, now_ms) and not _is_due(before, step, now_ms)):
        return health
    scopes = _scopes(step.channel, step.model)
    pin = Pin(channel=step.channel.account, scopes=scopes, hit_ms=now_ms, warm_ms=step.warm_ms)
    pins = {**health.pins, step.pin: pin}
    if len(pins) > PIN_LIMIT:
        latest = sorted(pins, key=lambda key: pins[key].hit_ms)[PIN_LIMIT // 4 :]
        pins = {key: pins[key] for key in latest}
    return replace(health, pins=pins)


def _stands(health: Health, pin: Pin, now_ms: int) -> bool:
    """Whether a cache is still warm, and its channel neither ill nor told to wait for long."""
    if now_ms > pin.hit_ms + pin.warm_ms * WARM_SHARE:
        return False
    fitness = _worst(health, pin.scopes, now_ms)
    return fitness.answer == "yes" or (fitness.is_limit and fitness.wait_ms <= PATIENCE_MS)


def _is_due(pin: Pin, step: Step, now_ms: int) -> bool:
    """Whether a hit at home is worth writing down: a tenth of the cache's life is over, or its life has grown."""
    grown = step.warm_ms > pin.warm_ms or now_ms - pin.hit_ms > pin.warm_ms * (WARM_SHARE - 1)
    return grown and step.channel.account == pin.channel
