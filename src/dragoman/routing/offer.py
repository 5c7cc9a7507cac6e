"""Which names whoever asks may ask for, and where each goes; and what nobody can reach.

Theory: nothing is worked out a second time. A name is offered where routing itself would send it somewhere, so that
whatever keeps it from being asked for keeps it out of the list, too. A rule's conditions are no obstacle: the name may
be asked for where they hold.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from msgspec import Struct

from dragoman.routing.cards import ModelCard, card_in, merged
from dragoman.routing.hit import takers
from dragoman.routing.key import may_ask
from dragoman.routing.match import Candidate, means, resolve_chosen, true_name
from dragoman.routing.names import listed_in
from dragoman.routing.plan import Ask, Refused
from dragoman.routing.profile import Profile, Rule, RuleTarget
from dragoman.routing.reach import open_to, profile_of
from dragoman.routing.snapshot import Channel, Snapshot
from dragoman.shapes.access import KeyTable

GROUP = re.compile(r"\\(?:\d+|g<\w+>)")
"""A reference to a group in a target's model."""
ANYBODY = KeyTable(name="-")
"""Whoever needs no key, or has one of the file's."""
NOT_LISTED = "no such model is known there"
REMEMBERED = 100
"""Lists that are kept at hand at most."""


class Offer(Struct, frozen=True, kw_only=True):
    """One name that may be asked for."""

    name: str
    card: ModelCard
    """What is known of it: as the gateway says of this very name, else of the model that is asked first."""
    candidates: tuple[Candidate, ...]
    """Who may answer, each channel and model once, preferred ones first; at least one."""

    @property
    def first(self) -> Candidate:
        """Who is asked first."""
        return self.candidates[0]


class Idle(Struct, frozen=True, kw_only=True):
    """A model of a channel that no rule leads to."""

    channel: str
    model: str
    by_name: bool
    """Whether it can be asked for by its own name all the same."""


class Astray(Struct, frozen=True, kw_only=True):
    """A target of a rule that leads nowhere, or to a model of which nothing is known."""

    profile: str
    rule: int
    """Its place, from 1."""
    name: str
    """The name or the pattern that the rule takes."""
    target: str
    why: str
    asked: bool = False
    """Whether it is asked for all the same."""


def offers(snapshot: Snapshot, doors: tuple[str, ...], key: KeyTable = ANYBODY) -> list[Offer]:
    """All names that appear in lists for whoever comes by these doors with this key, each once."""
    profile = profile_of(snapshot, key.profile or None)
    found = (offer_of(snapshot, name, doors, key) for name in dict.fromkeys(_names(snapshot, profile, key)))
    return [offer for offer in found if offer]


class Lists:
    """The lists of the configuration in force. Mutable: it keeps what it has worked out, which takes a while where
    there are many channels."""

    def __init__(self) -> None:
        self._known: tuple[Snapshot | None, dict[object, list[Offer]]] = (None, {})
        """A configuration and its lists, together: several threads may ask while it changes."""

    def offers(self, snapshot: Snapshot, doors: tuple[str, ...], key: KeyTable) -> list[Offer]:
        """All names that appear in lists, as `offers` gives them."""
        of, lists = self._known
        if of is not snapshot or len(lists) >= REMEMBERED:
            lists = {}
            self._known = (snapshot, lists)
        asks = (doors, key.profile, key.project, key.models, key.doors)
        found = lists.get(asks)
        if found is None:
            found = lists[asks] = offers(snapshot, doors, key)
        return found


def offer_of(snapshot: Snapshot, name: str, doors: tuple[str, ...], key: KeyTable = ANYBODY) -> Offer | None:
    """The name as it is offered, in a list or not; None where it may not be asked for."""
    profile = profile_of(snapshot, key.profile or None)
    written = true_name(snapshot, profile, name)
    for door in doors:
        if not may_ask(key, door, name):
            continue
        for place in _places(profile, written, door):
            ask = Ask(door=door, asked=written, profile=key.profile or None, project=key.project)
            resolved = resolve_chosen(snapshot, ask, place)
            if not isinstance(resolved, Refused):
                return _offer(snapshot, written, resolved.candidates)
    return None


def _offer(snapshot: Snapshot, name: str, candidates: tuple[Candidate, ...]) -> Offer:
    once: dict[tuple[str, str], Candidate] = {}
    for one in sorted(candidates, key=lambda one: one.rank):
        once.setdefault((one.channel.name, one.model), one)
    first = next(iter(once.values()))
    said = card_in(snapshot.models, name) if name != first.model else None
    card = merged(ModelCard(name=name), *([said] if said else []), first.card)
    return Offer(name=name, card=card, candidates=tuple(once.values()))


def _places(profile: Profile | None, name: str, door: str) -> Iterator[int | None]:
    """The rules that may take a name that comes by a door; None: none does."""
    for place in takers(profile, name) if profile else ():
        when = profile.rules[place].when if profile else None
        if when is None or not when.doors or door in when.doors:
            yield place
        if when is None:
            return
    yield None


def _names(snapshot: Snapshot, profile: Profile | None, key: KeyTable) -> Iterator[str]:
    """Names that might be offered."""
    for rule in profile.rules if profile else ():
        if rule.model and rule.targets and rule.enabled:
            yield rule.model
    if profile:
        described = (card.name for card in snapshot.models if "*" not in card.name)
        yield from (name for name in described if next(takers(profile, name), None) is not None)
    if snapshot.mapping and not profile:
        yield from ("claude-opus", "claude-sonnet", "claude-haiku")
        yield from (snapshot.mapping.big, snapshot.mapping.middle, snapshot.mapping.small)
    for channel in snapshot.channels:
        yield from listed_in(channel.names, channel.listed)
    yield from (name for name in key.models if "*" not in name)


def unreached(snapshot: Snapshot) -> tuple[list[Idle], list[Astray]]:
    """Models that no rule leads to, and targets that lead nowhere. Of rules and targets that are switched off, nothing
    is said."""
    rules = [(profile, rule) for profile in snapshot.profiles for rule in profile.rules if rule.enabled]
    targets = [(rule, target) for _, rule in rules for target in rule.targets if target.enabled]
    named = {
        channel.name for profile in (snapshot.profiles or (None,)) for channel in open_to(snapshot, profile, "").open
    }
    idle = [
        Idle(channel=channel.name, model=model, by_name=snapshot.direct and channel.name in named)
        for channel in snapshot.channels
        if channel.enabled
        for model in channel.models
        if not any(_leads(rule, target, channel, model) for rule, target in targets)
    ]
    astray = [
        Astray(
            profile=profile.name,
            rule=place,
            name=_taken(rule),
            target=_said(target),
            why=why,
            asked=why == NOT_LISTED and target.models is None and "*" not in target.channel,
        )
        for profile in snapshot.profiles
        for place, rule in enumerate(profile.rules, 1)
        if rule.enabled and not rule.inherited
        for target in rule.targets
        if target.enabled and (why := _astray(snapshot, rule, target))
    ]
    return idle, astray


def _leads(rule: Rule, target: RuleTarget, channel: Channel, model: str) -> bool:
    """Whether a target may lead to a channel's model; groups of the rule's pattern may stand for anything."""
    if not means(target, channel) or (rule.channels and rule.channels.breach(channel.name, channel.tags)):
        return False
    if target.models is not None:
        return target.models.fullmatch(model) is not None
    if not GROUP.search(target.model):
        return (channel.names.model(target.model) or target.model) == model
    pieces = GROUP.split(target.model)
    wanted = re.compile(".*".join(map(re.escape, pieces)))
    return any(meant == model and wanted.fullmatch(name) for name, meant in channel.names.exact.items())


def _astray(snapshot: Snapshot, rule: Rule, target: RuleTarget) -> str:
    """Why a target leads nowhere; empty if it leads somewhere."""
    meant = [channel for channel in snapshot.channels if means(target, channel)]
    if not meant:
        return "there is no such channel"
    on = [channel for channel in meant if channel.enabled]
    if not on:
        return "its channel is switched off"
    open_ = [channel for channel in on if not (rule.channels and rule.channels.breach(channel.name, channel.tags))]
    if not open_:
        return "the rule's own `channels` leave it out"
    if any(
        not channel.models or any(_leads(rule, target, channel, one) for one in channel.models) for channel in open_
    ):
        return ""
    return NOT_LISTED


def _taken(rule: Rule) -> str:
    return rule.model or (rule.pattern.pattern if rule.pattern else "")


def _said(target: RuleTarget) -> str:
    where = f"tag {target.tag}" if target.tag else target.channel
    return f"{where}/{target.models.pattern if target.models else target.model}"
