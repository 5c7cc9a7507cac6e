"""From the name a client asked for to the channels that may answer it, each with the words that say why.

The order is: the rules of the profile, first hit wins; a channel named in front (`channel/model`); channels that list
the name, or know it as an alias; and where no profile applies, the mapping of three names, or any channel whose models
are not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import islice
from typing import NamedTuple

from msgspec import Struct
from msgspec.structs import replace

from dragoman.canon.problem import Kind, problem
from dragoman.routing.plan import Ask, PassedOver, Refused
from dragoman.routing.snapshot import (
    NO_OVERRIDE,
    Channel,
    Mapping3,
    ModelCard,
    Override,
    Profile,
    Rule,
    RuleTarget,
    Snapshot,
    Strategy,
)
from dragoman.routing.when import unmet

DEFAULT_PROFILE = "default"
"""Name of the profile for keys that name no other."""
LONG_CONTEXT = "[1m]"
"""Suffix by which Claude Code marks its window of a million tokens; it leaks on some calls (seen 2026-11-20)."""

ALIAS = "claude-via-"
"""Prefix under which other models are offered to Claude Code's picker, which keeps ids that contain `claude` (before
2.1.223: begin with it; read 2026-11-20)."""

_UNTOUCHED = re.compile(r"gpt-|o\d+(-|$)|ep-|doubao-|deepseek-")
_TIERS = (("haiku", "small"), ("sonnet", "middle"), ("opus", "big"), ("fable", "big"))
_NAME_LIMIT = 100
"""Characters of a name that are looked at when near names are sought, and shown."""
_KNOWN_LIMIT = 1000
"""Known names that are compared with an unknown one at most."""


class Candidate(Struct, frozen=True, kw_only=True):
    """One channel that may answer."""

    channel: Channel
    model: str
    """The channel's name of the model."""
    card: ModelCard
    rank: int
    """Lower is preferred; equals are put in order by the strategy."""
    weight: float
    """Share among equals."""
    why: str
    override: Override = NO_OVERRIDE


class Resolved(Struct, frozen=True, kw_only=True):
    """Who may answer a name."""

    asked: str
    """The name without alias and suffix."""
    long_context: bool
    """Whether the name carried `LONG_CONTEXT`."""
    rule: str
    """The words of what matched."""
    candidates: tuple[Candidate, ...]
    """At least one; every pair of channel and model once."""
    strategy: Strategy = "weighted"
    """How equals are put in order."""
    passed_over: tuple[PassedOver, ...] = ()
    """Channels that are switched off."""


def resolve(snapshot: Snapshot, ask: Ask) -> Resolved | Refused:
    """Who may answer what is asked for, or why nobody may."""
    asked = ask.asked.removesuffix(LONG_CONTEXT).removeprefix(ALIAS)
    profile = profile_of(snapshot, ask.profile)
    if profile is None and ask.profile is not None:
        return _not_found(
            f"The profile '{ask.profile}' of this API key was looked up but this gateway has none of that name. "
            "Add it under [[profiles]], or bind the key to another."
        )
    channels = _open_to(profile, snapshot.channels)
    hit = _hit(profile, asked, ask)
    if hit and not hit.rule.targets:
        return _not_found(
            hit.rule.message or f"Model '{_cut(asked)}' was asked for but {hit.words} refuses it. Use another model."
        )
    if hit:
        words, found = hit.words, _of_targets(channels, hit)
    else:
        words, found = _by_name(snapshot, channels, asked, ruled=profile is not None)
    if not found:
        return _not_found(_unknown(snapshot, profile, asked))
    on = tuple(_with_each_key(_once(candidate for candidate in found if candidate.channel.enabled)))
    off = dict.fromkeys(candidate.channel.name for candidate in found if not candidate.channel.enabled)
    if not on:
        names = ", ".join(f"'{name}'" for name in off)
        return _not_found(f"Model '{_cut(asked)}' was asked for but is only on {names}, which is switched off.")
    return Resolved(
        asked=asked,
        long_context=ask.asked.endswith(LONG_CONTEXT),
        rule=words,
        candidates=on,
        strategy=hit.strategy if hit else (profile and profile.strategy) or snapshot.strategy,
        passed_over=tuple(PassedOver(name, "it is switched off") for name in off),
    )


def profile_of(snapshot: Snapshot, name: str | None) -> Profile | None:
    """The profile of that name, or the default one; None if there is none."""
    wanted = DEFAULT_PROFILE if name is None else name
    return next((profile for profile in snapshot.profiles if profile.name == wanted), None)


def _open_to(profile: Profile | None, channels: tuple[Channel, ...]) -> tuple[Channel, ...]:
    """The channels that a profile may use."""
    allowed = profile.channels if profile else None
    if allowed is None:
        return channels
    return tuple(channel for channel in channels if channel.name in allowed or not allowed.isdisjoint(channel.tags))


class _Hit(NamedTuple):
    rule: Rule
    words: str
    strategy: Strategy
    match: re.Match[str] | None


def _hit(profile: Profile | None, asked: str, ask: Ask) -> _Hit | None:
    """The first rule that hits, with its words."""
    if profile is None:
        return None
    for number, rule in enumerate(profile.rules, 1):
        match = rule.pattern.fullmatch(asked) if rule.pattern else None
        if (match or rule.model == asked) and not (rule.when and unmet(rule.when, ask)):
            what = f"pattern '{rule.pattern.pattern}'" if rule.pattern else f"model '{rule.model}'"
            conditions = ", with its conditions" if rule.when else ""
            words = f"rule {number} of profile '{profile.name}' ({what}{conditions})"
            return _Hit(rule, words, rule.strategy or profile.strategy or "failover", match)
    return None


def _of_targets(channels: tuple[Channel, ...], hit: _Hit) -> list[Candidate]:
    """The targets of a rule whose channels exist: in the rule's order, or all of one rank where a strategy orders
    them."""
    return [
        _of_target(channel, target, place, hit)
        for place, target in enumerate(hit.rule.targets, 1)
        for channel in channels
        if channel.name == target.channel or (target.tag and target.tag in channel.tags)
    ]


def _of_target(channel: Channel, target: RuleTarget, place: int, hit: _Hit) -> Candidate:
    model = hit.match.expand(target.model) if hit.match and "\\" in target.model else target.model
    found = _candidate(
        channel,
        served_as(channel, model) or model,
        place if hit.strategy == "failover" else 0,
        f"target {place} of the rule",
    )
    if target.weight is None and target.override is NO_OVERRIDE:
        return found
    weight = channel.weight if target.weight is None else target.weight
    return replace(found, weight=weight, override=target.override)


def _by_name(
    snapshot: Snapshot, channels: tuple[Channel, ...], asked: str, *, ruled: bool
) -> tuple[str, list[Candidate]]:
    """Who answers a name that no rule hits."""
    front, slash, rest = asked.partition("/")
    named = [channel for channel in channels if slash and front in (channel.name, channel.prefix)]
    if found := _serving(named, rest):
        return f"channel '{front}' by name", found
    if found := _listing(channels, asked):
        return "listed by its name", found
    if ruled:
        return "", []
    if snapshot.mapping is not None:
        tier, model = _mapped(snapshot.mapping, asked)
        found = _serving(channels, model)
        everyone = [_by_priority(channel, model, "the mapping names its model") for channel in channels]
        return f"mapping: {tier}", found or everyone
    return "any name, where the models are not known", _serving(channels, asked)


def _mapped(mapping: Mapping3, asked: str) -> tuple[str, str]:
    """Tier and model of a name, in the order that the OpenAI-style Claude Code proxies use."""
    if _UNTOUCHED.match(asked):
        return "name untouched", asked
    lower = asked.lower()
    tier = next((tier for word, tier in _TIERS if word in lower), "big")
    return f"{tier} model", {"big": mapping.big, "middle": mapping.middle, "small": mapping.small}[tier]


def served_as(channel: Channel, name: str) -> str:
    """The channel's own name of a model that it lists or knows by an alias; empty if it does neither."""
    return name if name in channel.models else channel.aliases.get(name, "")


def _listing(channels: Iterable[Channel], name: str) -> list[Candidate]:
    """Channels that list the model, or know the name as an alias."""
    return [
        _by_priority(channel, model, "lists the model" if model == name else "knows the name")
        for channel in channels
        if (model := served_as(channel, name))
    ]


def _serving(channels: Iterable[Channel], name: str) -> list[Candidate]:
    """Channels that list the model or whose models are not known."""
    return [
        _by_priority(channel, model or name, "lists the model" if channel.models else "takes any name")
        for channel in channels
        if (model := served_as(channel, name)) or not channel.models
    ]


def _by_priority(channel: Channel, model: str, why: str) -> Candidate:
    return _candidate(channel, model, channel.priority, f"{why}, priority {channel.priority}")


def _candidate(channel: Channel, model: str, rank: int, why: str) -> Candidate:
    card = card_of(channel, model)
    return Candidate(channel=channel, model=model, card=card, rank=rank, weight=channel.weight, why=why)


def card_of(channel: Channel, model: str) -> ModelCard:
    """What is known of a channel's model: the first card whose name or pattern hits, else an empty one."""
    return next((card for card in channel.cards if fnmatchcase(model, card.name)), ModelCard(name=model))


def _once(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """The candidates without repeats of a channel and model."""
    seen: set[tuple[str, str]] = set()
    for candidate in candidates:
        name = (candidate.channel.name, candidate.model)
        if name not in seen:
            seen.add(name)
            yield candidate


def _with_each_key(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """A candidate of its own for each key of a channel."""
    for candidate in candidates:
        accounts = candidate.channel.accounts
        for account in accounts:
            why = f"{candidate.why}, key {account.key_number} of {len(accounts)}"
            yield replace(candidate, channel=account, weight=candidate.weight / len(accounts), why=why)
        if not accounts:
            yield candidate


def _unknown(snapshot: Snapshot, profile: Profile | None, asked: str) -> str:
    """The words for a name that nobody answers, with near names."""
    if not snapshot.channels:
        return f"Model '{_cut(asked)}' was asked for but this gateway has no channel yet. Configure one first."
    known = list(islice(dict.fromkeys(_known(snapshot, profile)), _KNOWN_LIMIT))
    near = get_close_matches(_cut(asked), known, n=3, cutoff=0.5) or known[:3]
    where = (
        f"no rule of profile '{profile.name}' matches it and no channel lists it" if profile else "no channel has it"
    )
    names = ", ".join(f"'{name}'" for name in near)
    cure = f"Use one of: {names}; or add" if near else "Add"
    return f"Model '{_cut(asked)}' was looked up but {where}. {cure} it to a channel's models or to a profile."


def _known(snapshot: Snapshot, profile: Profile | None) -> Iterator[str]:
    """Names that would have been answered."""
    for rule in profile.rules if profile else ():
        if rule.model and rule.targets:
            yield rule.model
    for channel in snapshot.channels:
        yield from channel.models
        yield from channel.aliases


def _cut(name: str) -> str:
    return name if len(name) <= _NAME_LIMIT else f"{name[:_NAME_LIMIT]}…"


def _not_found(message: str) -> Refused:
    return Refused(problem(Kind.MODEL_NOT_FOUND, message, param="model"))
