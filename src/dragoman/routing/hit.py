"""Which rule of a profile takes a name, and which would have but for its conditions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple

from dragoman.canon.patterns import LONGEST_NAME
from dragoman.routing.plan import Ask, PassedOver
from dragoman.routing.profile import Profile, Rule
from dragoman.routing.when import unmet
from dragoman.shapes.fields import Strategy


class Hit(NamedTuple):
    """A rule that takes a name."""

    rule: Rule
    words: str
    strategy: Strategy
    match: re.Match[str] | None
    """What its pattern found; None where the rule names the model."""


class Choice(NamedTuple):
    """What the rules of a profile make of a request."""

    place: int | None = None
    """Of the rule that takes it, from 0; None: no rule does."""
    missed: tuple[PassedOver, ...] = ()
    """Rules before it that know the name, but whose conditions are not met."""


NO_RULE = Choice()


def choose(profile: Profile, asked: str, ask: Ask) -> Choice:
    """The first rule that takes the name, and those before it that would have."""
    missed: list[PassedOver] = []
    for place, rule in enumerate(profile.rules):
        if _knows(rule, asked) and rule.enabled:
            why = unmet(rule.when, ask) if rule.when else ""
            if not why:
                return Choice(place, tuple(missed))
            missed.append(PassedOver(_place_of(profile, place), why))
    return Choice(None, tuple(missed))


def takers(profile: Profile, asked: str) -> Iterator[int]:
    """The places of all rules that take a name where their conditions hold."""
    return (place for place, rule in enumerate(profile.rules) if rule.enabled and _knows(rule, asked))


def hit_of(profile: Profile, place: int, asked: str) -> Hit:
    """The rule of this place, which takes the name."""
    rule = profile.rules[place]
    what = f"pattern '{rule.pattern.pattern}'" if rule.pattern else f"model '{rule.model}'"
    conditions = ", with its conditions" if rule.when else ""
    words = f"{_place_of(profile, place)} ({what}{conditions})"
    match = rule.pattern.fullmatch(asked[:LONGEST_NAME]) if rule.pattern else None
    return Hit(rule, words, rule.strategy or profile.strategy or "failover", match)


def _knows(rule: Rule, asked: str) -> bool:
    if rule.pattern is not None:
        return rule.pattern.fullmatch(asked[:LONGEST_NAME]) is not None
    return rule.model == asked


def _place_of(profile: Profile, place: int) -> str:
    return profile.rules[place].inherited or f"rule {place + 1} of profile '{profile.name}'"
