"""From the name a client asked for to the channels that may answer it, each with the words that say why.

The order is: the rules of the profile, first hit wins; a channel named in front (`channel/model`); channels that list
the name; and where no profile applies, the mapping of three names, or any channel whose models are not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from difflib import get_close_matches
from fnmatch import fnmatchcase
from itertools import islice
from typing import NamedTuple

from msgspec import Struct

from dragoman.canon.problem import Kind, problem
from dragoman.routing.plan import Refused
from dragoman.routing.snapshot import Channel, Mapping3, ModelCard, Profile, Rule, Snapshot

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
    """Lower is preferred; equals are drawn by weight."""
    why: str


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


def resolve(snapshot: Snapshot, profile_name: str | None, asked: str) -> Resolved | Refused:
    """Who may answer the name `asked`, or why nobody may."""
    bare = asked.removesuffix(LONG_CONTEXT).removeprefix(ALIAS)
    profile = _profile(snapshot, profile_name)
    if profile is None and profile_name is not None:
        return _not_found(
            f"The profile '{profile_name}' of this API key was looked up but this gateway has none of that name. "
            "Add it under [[profiles]], or bind the key to another."
        )
    hit = _hit(profile, bare)
    if hit and not hit.rule.targets:
        return _not_found(
            hit.rule.message or f"Model '{_cut(bare)}' was asked for but {hit.words} refuses it. Use another model."
        )
    words, found = (hit.words, _of_targets(snapshot, hit.rule)) if hit else _by_name(snapshot, profile, bare)
    if not found:
        return _not_found(_unknown(snapshot, profile, bare))
    return Resolved(asked=bare, long_context=asked.endswith(LONG_CONTEXT), rule=words, candidates=tuple(_once(found)))


def _profile(snapshot: Snapshot, name: str | None) -> Profile | None:
    wanted = DEFAULT_PROFILE if name is None else name
    return next((profile for profile in snapshot.profiles if profile.name == wanted), None)


class _Hit(NamedTuple):
    rule: Rule
    words: str


def _hit(profile: Profile | None, asked: str) -> _Hit | None:
    """The first rule that hits, with its words."""
    if profile is None:
        return None
    for number, rule in enumerate(profile.rules, 1):
        if rule.model == asked or (rule.pattern and rule.pattern.fullmatch(asked)):
            what = f"pattern '{rule.pattern.pattern}'" if rule.pattern else f"model '{rule.model}'"
            return _Hit(rule, f"rule {number} of profile '{profile.name}' ({what})")
    return None


def _of_targets(snapshot: Snapshot, rule: Rule) -> list[Candidate]:
    """The targets of a rule whose channels exist, in the rule's order."""
    channels = {channel.name: channel for channel in snapshot.channels}
    return [
        _candidate(channels[target.channel], target.model, place, f"target {place} of the rule")
        for place, target in enumerate(rule.targets, 1)
        if target.channel in channels
    ]


def _by_name(snapshot: Snapshot, profile: Profile | None, asked: str) -> tuple[str, list[Candidate]]:
    """Who answers a name that no rule hits."""
    front, slash, rest = asked.partition("/")
    named = [channel for channel in snapshot.channels if slash and channel.name == front]
    if found := _serving(named, rest):
        return f"channel '{front}' by name", found
    if found := [_by_priority(channel, asked, "lists the model") for channel in _listing(snapshot.channels, asked)]:
        return "listed by its name", found
    if profile is not None:
        return "", []
    if snapshot.mapping is not None:
        tier, model = _mapped(snapshot.mapping, asked)
        found = _serving(snapshot.channels, model)
        everyone = [_by_priority(channel, model, "the mapping names its model") for channel in snapshot.channels]
        return f"mapping: {tier}", found or everyone
    return "any name, where the models are not known", _serving(snapshot.channels, asked)


def _mapped(mapping: Mapping3, asked: str) -> tuple[str, str]:
    """Tier and model of a name, in the order that the OpenAI-style Claude Code proxies use."""
    if _UNTOUCHED.match(asked):
        return "name untouched", asked
    lower = asked.lower()
    tier = next((tier for word, tier in _TIERS if word in lower), "big")
    return f"{tier} model", {"big": mapping.big, "middle": mapping.middle, "small": mapping.small}[tier]


def _listing(channels: Iterable[Channel], model: str) -> list[Channel]:
    return [channel for channel in channels if model in channel.models]


def _serving(channels: Iterable[Channel], model: str) -> list[Candidate]:
    """Channels that list the model or whose models are not known."""
    return [
        _by_priority(channel, model, "lists the model" if channel.models else "takes any name")
        for channel in channels
        if not channel.models or model in channel.models
    ]


def _by_priority(channel: Channel, model: str, why: str) -> Candidate:
    return _candidate(channel, model, channel.priority, f"{why}, priority {channel.priority}")


def _candidate(channel: Channel, model: str, rank: int, why: str) -> Candidate:
    return Candidate(channel=channel, model=model, card=card_of(channel, model), rank=rank, why=why)


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


def _cut(name: str) -> str:
    return name if len(name) <= _NAME_LIMIT else f"{name[:_NAME_LIMIT]}…"


def _not_found(message: str) -> Refused:
    return Refused(problem(Kind.MODEL_NOT_FOUND, message, param="model"))
