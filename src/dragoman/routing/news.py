"""What replicas tell each other of health: what opens, closes, is being tried, and where sessions are at home.

Rules. Clocks of replicas differ, so every moment travels as its distance from now. Whoever knows of the longer rest is
right, but a wait that a provider told is shortened by nobody's guess or success; only what a person has mended is
forgotten by all. Faults in a row and shares of failures are each replica's own. What is heard is never told again.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.routing.breaker import Breaker
from dragoman.routing.health import BREAKER_LIMIT, PIN_LIMIT, Healed, Health, Pin, forgotten


class News(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A change of health; its moments are milliseconds from now, most of them negative."""

    breakers: Mapping[str, Breaker | None] = field(default_factory=dict)
    """None: nothing is left to remember of this scope."""
    pins: Mapping[str, Pin] = field(default_factory=dict)
    healed: tuple[Healed, ...] = ()
    """What somebody has mended, so that whatever is remembered against it is no longer true."""


def news_of(before: Health, after: Health, now_ms: int) -> News | None:
    """What has changed that others should know; None: nothing."""
    if before is after:
        return None
    breakers: dict[str, Breaker | None] = {
        scope: _moved(breaker, -now_ms)
        for scope, breaker in after.breakers.items()
        if _telling(breaker) != _telling(before.breakers.get(scope))
    }
    gone = before.breakers.keys() - after.breakers.keys()
    breakers.update({scope: None for scope in gone if _telling(before.breakers[scope])})
    pins = {
        name: replace(pin, hit_ms=pin.hit_ms - now_ms)
        for name, pin in after.pins.items()
        if pin != before.pins.get(name)
    }
    healed = tuple(mended for mended, times in after.heals.items() if times != before.heals.get(mended))
    return News(breakers=breakers, pins=pins, healed=healed) if breakers or pins or healed else None


def merge(health: Health, news: News, now_ms: int) -> Health:
    """Health with what another replica has learned."""
    for mended in news.healed:
        health = forgotten(health, mended)
    breakers = dict(health.breakers)
    for scope, told in news.breakers.items():
        merged = _merged(breakers.get(scope), told and _moved(told, now_ms), now_ms)
        if merged is not None and (scope in breakers or len(breakers) < BREAKER_LIMIT):
            breakers[scope] = merged
        elif merged is None:
            breakers.pop(scope, None)
    pins = dict(health.pins)
    for name, pin in news.pins.items():
        heard, known = replace(pin, hit_ms=pin.hit_ms + now_ms), pins.get(name)
        if known.hit_ms < heard.hit_ms if known else len(pins) < PIN_LIMIT:
            pins[name] = heard
    return replace(health, breakers=breakers, pins=pins)


def encode(news: News, teller: str) -> bytes:
    """The bytes of news, with who tells them."""
    return teller.encode() + b"\n" + msgspec.msgpack.encode(news)


def decode(data: bytes, hearer: str) -> News | None:
    """News that another has told; None for one's own, and for what another version means by its bytes."""
    teller, _, body = data.partition(b"\n")
    if teller == hearer.encode():
        return None
    try:
        return msgspec.msgpack.decode(body, type=News)
    except (msgspec.MsgspecError, UnicodeDecodeError):
        return None


def _merged(ours: Breaker | None, theirs: Breaker | None, now_ms: int) -> Breaker | None:
    """What to think of one scope after both were heard."""
    rests = ours is not None and ours.is_open and ours.until_ms > now_ms
    if ours is not None and rests and ours.told and not (theirs and theirs.told and theirs.until_ms > ours.until_ms):
        return ours
    if theirs is None or ours is None or not theirs.is_open:
        return theirs
    if rests and ours.until_ms > theirs.until_ms and not theirs.told:
        return replace(ours, leased_until_ms=max(ours.leased_until_ms, theirs.leased_until_ms))
    return replace(theirs, faults=ours.faults, connect_only=ours.connect_only)


def _telling(breaker: Breaker | None) -> tuple[object, ...]:
    """What others should know of a breaker; empty: nothing, for it has never opened lately."""
    if breaker is None or not (breaker.is_open or breaker.closed_ms or breaker.openings):
        return ()
    told = (breaker.is_open, breaker.closed_ms, breaker.openings, breaker.is_limit)
    return (*told, breaker.until_ms, breaker.successes, breaker.leased_until_ms) if breaker.is_open else told


def _moved(breaker: Breaker, by_ms: int) -> Breaker:
    """The breaker on a clock that is ahead by so much. What counts failures stays at home."""
    return replace(
        breaker,
        until_ms=breaker.until_ms + by_ms,
        closed_ms=_moment(breaker.closed_ms, by_ms),
        leased_until_ms=_moment(breaker.leased_until_ms, by_ms),
        window=(),
    )


def _moment(ms: int, by_ms: int) -> int:
    """A moment on that clock; 0 stays never, and nothing else becomes it."""
    return ms and (ms + by_ms or -1)
