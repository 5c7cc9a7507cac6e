"""From the name a client asked for to the channels that may answer it, each with the words that say why.

The order is: the rules of the profile, first hit wins; a channel named in front (`channel/model`); channels that list
the name, or know it as an alias; and where no profile applies, the mapping of three names, or any channel whose models
are not known.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from msgspec import Struct
from msgspec.structs import replace

from dragoman.canon.problem import Kind, problem
from dragoman.canon.request import EFFORTS
from dragoman.canon.wildcards import fits
from dragoman.routing.cards import ModelCard
from dragoman.routing.hit import NO_RULE, Choice, Hit, choose, hit_of, takers
from dragoman.routing.plan import Ask, PassedOver, Refused
from dragoman.routing.profile import NO_OVERRIDE, Override, Profile, Refusal, RuleTarget
from dragoman.routing.reach import Reach, open_to, profile_of
from dragoman.routing.refusing import cut, forbidden_to_all, not_found, outside_of_project, refused_to_all, unknown
from dragoman.routing.snapshot import Channel, Mapping3, Snapshot
from dragoman.shapes.fields import Strategy
from dragoman.shapes.policy import USUAL_RETRY

LONG_CONTEXT = "[1m]"
"""Suffix by which Claude Code marks its window of a million tokens; it leaks on some calls (seen 2026-11-20)."""

ALIAS = "claude-via-"
"""Prefix under which other models are offered to Claude Code's picker, which keeps ids that contain `claude` (before
2.1.223: begin with it; read 2026-11-20)."""

_UNTOUCHED = re.compile(r"gpt-|o\d+(-|$)|ep-|doubao-|deepseek-")
_TIERS = (("haiku", "small"), ("sonnet", "middle"), ("opus", "big"), ("fable", "big"))
KNOWN_EFFORTS = frozenset({None, *EFFORTS})


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
    attempts: int = USUAL_RETRY.most
    """How many may be made."""
    passed_over: tuple[PassedOver, ...] = ()
    """Channels that are switched off or closed to whoever asks, and rules whose conditions are not met."""


def resolve(snapshot: Snapshot, ask: Ask) -> Resolved | Refused:
    """Who may answer what is asked for, or why nobody may."""
    choice = chosen(snapshot, ask)
    return noted(resolve_chosen(snapshot, ask, choice.place), choice)


def chosen(snapshot: Snapshot, ask: Ask) -> Choice:
    """Which rule takes the request: all that depends on more than names."""
    profile = profile_of(snapshot, ask.profile)
    return choose(profile, true_name(snapshot, profile, bare(ask.asked)), ask) if profile else NO_RULE


def noted(found: Resolved | Refused, choice: Choice) -> Resolved | Refused:
    """The same, with the rules that would have taken the request."""
    return replace(found, passed_over=(*choice.missed, *found.passed_over)) if choice.missed else found


def resolve_chosen(snapshot: Snapshot, ask: Ask, place: int | None) -> Resolved | Refused:
    """The same where it is known which rule takes the request: beside that only its names matter."""
    profile = profile_of(snapshot, ask.profile)
    asked = true_name(snapshot, profile, bare(ask.asked))
    if refused := _refused(snapshot, ask, asked):
        return refused
    hit = None if profile is None or place is None else hit_of(profile, place, asked)
    if hit and not hit.rule.targets:
        return not_found(
            hit.rule.message or f"Model '{cut(asked)}' was asked for but {hit.words} refuses it. Use another model."
        )
    reach = open_to(snapshot, profile, ask.project, hit.rule.channels if hit else None)
    words, found = _found(snapshot, reach.open, asked, profile, hit)
    on = tuple(_with_each_key(_once(_usable(found, snapshot.refusals))))
    passed = tuple(_passed(found, snapshot, reach, asked, hit))
    if not on and (refusal := _refusal_of(found, snapshot.refusals)):
        return forbidden_to_all(refusal, asked, passed)
    if not on:
        return _nobody(reach, profile, asked, hit, passed)
    if wrong := next((one for one in on if one.override.effort not in KNOWN_EFFORTS), None):
        return _no_effort(wrong.override.effort or "", asked)
    return Resolved(
        asked=asked,
        long_context=ask.asked.endswith(LONG_CONTEXT),
        rule=words if asked == bare(ask.asked) else f"{words}, asked for as '{cut(bare(ask.asked))}'",
        candidates=on,
        strategy=hit.strategy if hit else (profile and profile.strategy) or snapshot.strategy,
        attempts=snapshot.retry.most,
        passed_over=passed,
    )


def _refused(snapshot: Snapshot, ask: Ask, asked: str) -> Refused | None:
    """Why nobody, or nobody with such a key, may ask for this name; None: they may."""
    if ask.profile is not None and profile_of(snapshot, ask.profile) is None:
        return not_found(
            f"The profile '{ask.profile}' of this API key was looked up but this gateway has none of that name. "
            "Add it under [[profiles]], or bind the key to another."
        )
    if refusal := refused_to_all(snapshot.refusals, asked):
        return forbidden_to_all(refusal, asked)
    if not ask.project:
        return None
    project = snapshot.projects.get(ask.project)
    if project is None:
        return not_found(f"The project '{ask.project}' was looked up but this gateway has none of that name.")
    return outside_of_project(project, ask.project, asked)


def _found(
    snapshot: Snapshot, channels: tuple[Channel, ...], asked: str, profile: Profile | None, hit: Hit | None
) -> tuple[str, list[Candidate]]:
    """Who answers among these channels, and the words of what matched."""
    if hit:
        return hit.words, _of_targets(channels, hit)
    return _by_name(snapshot, channels, asked, ruled=profile is not None)


def _usable(found: Iterable[Candidate], refusals: tuple[Refusal, ...]) -> Iterator[Candidate]:
    """The candidates that are switched on and not refused to everybody."""
    for candidate in found:
        if candidate.channel.enabled and not (refusals and refused_to_all(refusals, candidate.model)):
            yield candidate


def _refusal_of(found: Iterable[Candidate], refusals: tuple[Refusal, ...]) -> Refusal | None:
    """The gateway's refusal of a model that is meant; None where it refuses none."""
    told = (refused_to_all(refusals, one.model) for one in found if refusals)
    return next(filter(None, told), None)


def _passed(
    found: list[Candidate], snapshot: Snapshot, reach: Reach, asked: str, hit: Hit | None
) -> Iterator[PassedOver]:
    """Who is not asked, each once, and why."""
    off = dict.fromkeys(one.channel.name for one in found if not one.channel.enabled)
    yield from (PassedOver(name, "it is switched off") for name in off)
    if snapshot.refusals:
        for one in found:
            if one.channel.enabled and refused_to_all(snapshot.refusals, one.model):
                yield PassedOver(f"{one.model} on {one.channel.name}", "this gateway refuses the model to everybody")
    if reach.closed:
        outside = _of_targets(reach.closed, hit) if hit else _named(snapshot, reach.closed, asked)[1]
        yield from (PassedOver(name, reach.why[name]) for name in dict.fromkeys(one.channel.name for one in outside))


def _nobody(
    reach: Reach, profile: Profile | None, asked: str, hit: Hit | None, passed: tuple[PassedOver, ...]
) -> Refused:
    """The refusal where nobody is left."""
    if not passed:
        if hit:
            return not_found(
                f"Model '{cut(asked)}' was asked for but {hit.words} leads to no channel that has it. "
                "Correct its targets, or use another model."
            )
        if reach.closed and not reach.open:
            return not_found(f"Model '{cut(asked)}' was asked for but every channel is closed to this API key.")
        return not_found(unknown(reach.open, profile, asked))
    off = [one.name for one in passed if one.why == "it is switched off"]
    if len(off) == len(passed):
        names = ", ".join(f"'{name}'" for name in off)
        return not_found(f"Model '{cut(asked)}' was asked for but is only on {names}, which is switched off.", passed)
    words = f"Model '{cut(asked)}' was asked for but is only where this request may not go. Use another model."
    return not_found(words, passed)


def _no_effort(effort: str, asked: str) -> Refused:
    known = ", ".join(f"'{word}'" for word in EFFORTS)
    words = (
        f"Model '{cut(asked)}' was asked for, but its name asks for the effort '{cut(effort)}'. Use one of: {known}."
    )
    return Refused(problem(Kind.INVALID_REQUEST, words, param="model"))


def bare(asked: str) -> str:
    """The name without the mark of a long context and the prefix for Claude Code's picker."""
    return asked.removesuffix(LONG_CONTEXT).removeprefix(ALIAS)


def true_name(snapshot: Snapshot, profile: Profile | None, asked: str) -> str:
    """The name as it is written by a channel that knows names in any case, where neither a rule nor a channel has it
    as it was asked for: so that a rule which refuses the one does not let the other through."""
    loose = [channel for channel in snapshot.channels if channel.any_case]
    if not loose or any(asked in channel.names.exact for channel in snapshot.channels):
        return asked
    if profile and next(takers(profile, asked), None) is not None:
        return asked
    return next((name for channel in loose if (name := channel.names.spelled(asked))), asked)


def _of_targets(channels: Iterable[Channel], hit: Hit) -> list[Candidate]:
    """The targets of a rule whose channels exist: in the rule's order, or all of one rank where a strategy orders
    them."""
    return [
        _of_target(channel, model, target, place, hit)
        for place, target in enumerate(hit.rule.targets, 1)
        if target.enabled
        for channel in channels
        if means(target, channel)
        for model in _models_of(channel, target, hit)
    ]


def means(target: RuleTarget, channel: Channel) -> bool:
    """Whether a target names a channel, or has its tag."""
    if target.tag:
        return target.tag in channel.tags
    return fits(channel.name, target.channel)


def _models_of(channel: Channel, target: RuleTarget, hit: Hit) -> list[str]:
    """The models of a channel that a target means. One that is named is sent as it is to a channel that is named, too,
    or has the tag; of all others those that have it are meant."""
    if target.models is not None:
        return [model for model in channel.models if target.models.fullmatch(model)]
    model = expanded(hit, target.model)
    own = served_as(channel, model)
    return [own or model] if own or "*" not in target.channel else []


def _of_target(channel: Channel, model: str, target: RuleTarget, place: int, hit: Hit) -> Candidate:
    rank = place if hit.strategy == "failover" else 0
    found = _candidate(channel, model, rank, f"target {place} of the rule")
    if target.weight is None and target.override is NO_OVERRIDE:
        return found
    weight = channel.weight if target.weight is None else target.weight
    return replace(found, weight=weight, override=_said(target.override, hit))


def _said(override: Override, hit: Hit) -> Override:
    """What a target changes, with the groups of the rule's pattern put in."""
    if override.effort is None or "\\" not in override.effort:
        return override
    return replace(override, effort=expanded(hit, override.effort).lower() or None)


def expanded(hit: Hit, text: str) -> str:
    """A text of a target with the groups of the rule's pattern put in."""
    return hit.match.expand(text) if hit.match and "\\" in text else text


def _by_name(
    snapshot: Snapshot, channels: tuple[Channel, ...], asked: str, *, ruled: bool
) -> tuple[str, list[Candidate]]:
    """Who answers a name that no rule hits."""
    words, found = _named(snapshot, channels, asked)
    if found:
        return words, found
    if ruled:
        return "", []
    if snapshot.mapping is not None:
        tier, model = _mapped(snapshot.mapping, asked)
        if model == asked and not snapshot.direct:
            return "", []
        found = _serving(channels, model)
        everyone = [_by_priority(channel, model, "the mapping names its model") for channel in channels]
        return f"mapping: {tier}", found or everyone
    if not snapshot.direct:
        return "", []
    return "any name, where the models are not known", _serving(channels, asked)


def _named(snapshot: Snapshot, channels: tuple[Channel, ...], asked: str) -> tuple[str, list[Candidate]]:
    """The channels that are named in front of a model, or list it."""
    if not snapshot.direct:
        return "", []
    front, slash, rest = asked.partition("/")
    named = [channel for channel in channels if slash and front in (channel.name, channel.prefix)]
    if found := _serving(named, rest):
        return f"channel '{front}' by name", found
    return "listed by its name", _listing(channels, asked)


def _mapped(mapping: Mapping3, asked: str) -> tuple[str, str]:
    """Tier and model of a name, in the order that the OpenAI-style Claude Code proxies use."""
    if _UNTOUCHED.match(asked):
        return "name untouched", asked
    lower = asked.lower()
    tier = next((tier for word, tier in _TIERS if word in lower), "big")
    return f"{tier} model", {"big": mapping.big, "middle": mapping.middle, "small": mapping.small}[tier]


def served_as(channel: Channel, name: str) -> str:
    """The channel's own name of a model that it lists or knows by an alias; empty if it does neither."""
    return channel.names.model(name)


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
    """What is known of a channel's model."""
    return channel.known.of(model)


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
