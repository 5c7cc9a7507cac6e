"""Who shall answer a request: one pure function that plans every attempt, with its reason, before the first is made.

Rules, in this order: candidates come from `match`; those that cannot take what the request holds are passed over
while another can; so are those whose context is too small; so are those that are full, and those that are ill. No
request fails for a guess of ours: where all are ill, they are tried all the same, the one nearest to its recovery
first. Only a wait that the provider told, and a prompt that fits nowhere, refuse a request.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby

from msgspec.structs import replace

from dragoman.canon.problem import Kind, problem
from dragoman.routing.health import Fitness, Health, eased_share, home, usable
from dragoman.routing.load import NO_LOADS, Loads, target_key
from dragoman.routing.match import Candidate, Resolved, card_of, resolve
from dragoman.routing.plan import Ask, PassedOver, Plan, Refused, Step
from dragoman.routing.snapshot import Snapshot
from dragoman.routing.spare import Spared, behind
from dragoman.routing.strategy import Chance, Fit, Placed, in_order
from dragoman.shapes.fields import Strategy

__all__ = ["Ask", "PassedOver", "Plan", "Refused", "Step", "card_of", "decide"]

SURE = 0.9
"""A prompt is surely too long when this share of its estimate exceeds the context."""
MARGIN = 1.1
"""Room for output is what remains when the prompt is this much larger than its estimate."""
LEAST_OUTPUT = 1024
"""Room for output is never cut below this: the estimate may be wrong, and then the upstream tells."""


def decide(
    snapshot: Snapshot, health: Health, ask: Ask, now_ms: int, dice: float, loads: Loads = NO_LOADS
) -> Plan | Refused:
    """The attempts for a request, in order, or why there are none. `dice` is drawn evenly from 0 up to 1."""
    return decide_among(resolve(snapshot, ask), health, ask, Chance(loads, now_ms, dice))


def decide_among(found: Resolved | Refused, health: Health, ask: Ask, chance: Chance) -> Plan | Refused:
    """The same, where the name that was asked for is resolved already."""
    if isinstance(found, Refused):
        return found
    now_ms = chance.now_ms
    passed = list(found.passed_over)
    able = _able(found.candidates, ask, passed)
    roomy = _roomy(able, found, ask, passed)
    if not roomy:
        return replace(_too_long(able, ask), passed_over=tuple(passed))
    paid = _paid(roomy, chance.loads.spared, passed)
    if not paid:
        return replace(_all_spent(roomy, found.asked), passed_over=tuple(passed))
    free = _free(paid, chance.loads, passed)
    fit = _fit(free, health, now_ms, passed)
    if not fit:
        return replace(_all_wait(free, found.asked, health, now_ms), passed_over=tuple(passed))
    pin = f"{ask.session}\x1f{found.asked}" if ask.session else ""
    ordered = _ordered(fit, found.strategy, home(health, pin, now_ms) if pin else "", health, chance)
    if chance.loads.spared.spent:
        ordered = _spent_last(ordered, chance.loads.spared)
    most = found.attempts
    spare = "only one attempt is made" if most == 1 else f"only {most} attempts are made"
    passed += [PassedOver(_name(rest.candidate), spare) for rest in ordered[most:]]
    return Plan(
        asked=found.asked,
        rule=found.rule,
        attempts=tuple(_step(stood, ask, pin, long=_is_long(found, ask)) for stood in ordered[:most]),
        passed_over=tuple(passed),
    )


def _able(candidates: Sequence[Candidate], ask: Ask, passed: list[PassedOver]) -> list[Candidate]:
    """The candidates that can take what the request holds; all of them, if none can."""
    if not (ask.has_images or ask.has_tools or ask.has_documents or ask.has_audio or ask.has_video):
        return list(candidates)
    lacks = [_lack(candidate, ask) for candidate in candidates]
    if all(lacks):
        return list(candidates)
    passed += [
        PassedOver(_name(candidate), f"it takes no {lack}")
        for candidate, lack in zip(candidates, lacks, strict=True)
        if lack
    ]
    return [candidate for candidate, lack in zip(candidates, lacks, strict=True) if not lack]


def _lack(candidate: Candidate, ask: Ask) -> str:
    """What the request holds that a candidate cannot take, by its upstream's habits or what is known of its model;
    empty if nothing."""
    habits, card = candidate.channel.habits, candidate.card
    needs = (
        ("images", ask.has_images, habits.images and card.can_take("image")),
        ("tools", ask.has_tools, habits.tools and card.tools is not False),
        ("documents", ask.has_documents, habits.documents and card.can_take("document")),
        ("audio", ask.has_audio, card.can_take("audio")),
        ("video", ask.has_video, habits.documents and card.can_take("video")),
    )
    return ", ".join(what for what, needed, taken in needs if needed and not taken)


def _is_long(found: Resolved, ask: Ask) -> bool:
    """Whether the vendor's larger window was asked for, whose size no card tells."""
    return found.long_context or ask.long_context


def _context(candidate: Candidate, *, long: bool) -> int | None:
    """Tokens that fit into a candidate, where known."""
    return None if long and candidate.channel.native else candidate.card.context


def _roomy(able: list[Candidate], found: Resolved, ask: Ask, passed: list[PassedOver]) -> list[Candidate]:
    """The candidates into which the prompt does not surely not fit."""
    roomy: list[Candidate] = []
    for candidate in able:
        context = _context(candidate, long=_is_long(found, ask))
        if context is not None and ask.prompt_tokens * SURE > context:
            passed.append(PassedOver(_name(candidate), f"its context of {context} tokens is too small"))
        else:
            roomy.append(candidate)
    return roomy


def _too_long(able: list[Candidate], ask: Ask) -> Refused:
    """The refusal in the wording that makes Claude Code compact its conversation (measured 2026-11-20)."""
    largest = max(candidate.card.context or 0 for candidate in able)
    message = f"prompt is too long: {ask.prompt_tokens} tokens > {largest} maximum"
    return Refused(problem(Kind.PROMPT_TOO_LONG, message))


def _paid(roomy: list[Candidate], spared: Spared, passed: list[PassedOver]) -> list[Candidate]:
    """The candidates whose accounts have anything left, where those that have not are not to be asked."""
    if not spared.spent:
        return roomy
    passed += [
        PassedOver(_name(candidate), f"its account is used up: {spared.spent[candidate.channel.account]}")
        for candidate in roomy
        if spared.refuses(candidate.channel.account)
    ]
    return [candidate for candidate in roomy if not spared.refuses(candidate.channel.account)]


def _all_spent(roomy: list[Candidate], asked: str) -> Refused:
    """The refusal while every account is used up."""
    names = ", ".join(dict.fromkeys(f"'{candidate.channel.name}'" for candidate in roomy))
    words = f"Model '{asked}' was asked for but the account of {names} is used up. Top it up, or add another channel."
    return Refused(problem(Kind.UPSTREAM_QUOTA, words))


def _spent_last(stood: list[Placed], spared: Spared) -> list[Placed]:
    """Accounts that are used up behind all others, where they are to be."""
    told = [
        one._replace(why=f"{one.why}; its account is used up") if spared.is_last(one.candidate.channel.account) else one
        for one in stood
    ]
    return behind(told, lambda one: spared.is_last(one.candidate.channel.account))


def _scarce_behind(stood: list[Placed], chance: Chance) -> list[Placed]:
    """Targets of whose limits little is left behind their equals."""
    why = {
        key: chance.loads.spared.scarcity(key, chance.now_ms)
        for key in (target_key(one.candidate.channel.account, one.candidate.model) for one in stood)
    }

    def scarcity(one: Placed) -> str:
        return why[target_key(one.candidate.channel.account, one.candidate.model)]

    told = [one._replace(why=f"{one.why}; {words}") if (words := scarcity(one)) else one for one in stood]
    return behind(told, lambda one: bool(scarcity(one)))


def _free(roomy: list[Candidate], loads: Loads, passed: list[PassedOver]) -> list[Candidate]:
    """The candidates whose own limits leave room; all of them, if none does: a place may come free while they wait."""
    if not (loads.full or loads.full_for):
        return roomy
    whys = [loads.why_full(candidate.channel.account, candidate.model) for candidate in roomy]
    if all(whys):
        return roomy
    passed += [PassedOver(_name(candidate), why) for candidate, why in zip(roomy, whys, strict=True) if why]
    return [candidate for candidate, why in zip(roomy, whys, strict=True) if not why]


def _fit(roomy: list[Candidate], health: Health, now_ms: int, passed: list[PassedOver]) -> list[Fit]:
    """The candidates that may be asked now; where all are ill, every one that no provider told us to spare, the one
    nearest to its recovery first."""
    if not health.breakers:
        return [Fit(candidate) for candidate in roomy]
    checked = [(candidate, usable(health, candidate.channel, candidate.model, now_ms)) for candidate in roomy]
    fit = [Fit(candidate, fitness.why) for candidate, fitness in checked if fitness.answer != "no"]
    ill = [(candidate, fitness) for candidate, fitness in checked if fitness.answer == "no"]
    guessed = sorted((pair for pair in ill if not pair[1].told), key=_wait_ms)
    if not fit and guessed:
        fit = [
            Fit(replace(candidate, rank=place), f"nothing else is left, although {fitness.why}")
            for place, (candidate, fitness) in enumerate(guessed)
        ]
        ill = [pair for pair in ill if pair[1].told]
    passed += [PassedOver(_name(candidate), fitness.why) for candidate, fitness in ill]
    return fit


def _wait_ms(pair: tuple[Candidate, Fitness]) -> int:
    return pair[1].wait_ms


def _all_wait(roomy: list[Candidate], asked: str, health: Health, now_ms: int) -> Refused:
    """The refusal while every provider has told how long to wait: the shortest of the waits."""
    waits = [usable(health, candidate.channel, candidate.model, now_ms) for candidate in roomy]
    kind = Kind.RATE_LIMITED if any(wait.kind is Kind.RATE_LIMITED for wait in waits) else Kind.OVERLOADED
    wait_s = min(wait.wait_ms for wait in waits) / 1000
    names = ", ".join(f"'{candidate.channel.name}'" for candidate in roomy)
    message = (
        f"Model '{asked}' was asked for but the provider behind {names} has told this gateway to wait. "
        f"Try again in {wait_s:.0f} s."
    )
    return Refused(problem(kind, message, retry_after_s=wait_s))


def _ordered(fit: list[Fit], strategy: Strategy, at_home: str, health: Health, chance: Chance) -> list[Placed]:
    """The candidates in the order of the attempts: a warm prompt cache first, then rank, then the strategy. One that
    has just recovered is eased in: behind the others for a share of the requests that shrinks."""
    stood: list[Placed] = []
    for _, equals in groupby(sorted(fit, key=_rank), key=_rank):
        placed = in_order(strategy, list(equals), chance)
        stood += _scarce_behind(placed, chance) if chance.loads.spared.scarce else placed
    if health.breakers and len(stood) > 1:
        stood = _eased(stood, health, chance)
    for warm in stood:
        if warm.candidate.channel.account == at_home and not warm.probe:
            pinned = Placed(warm.candidate, "the session's prompt cache is warm here", probe=False)
            return [pinned, *(one for one in stood if one is not warm)]
    return stood


def _eased(stood: list[Placed], health: Health, chance: Chance) -> list[Placed]:
    """The first candidate behind the second while it is being eased in, and this request is not among its share."""
    first, second, *rest = stood
    share = eased_share(health, first.candidate.channel, first.candidate.model, chance.now_ms)
    if share == 1.0 or (chance.dice * 4096) % 1.0 < share:
        return stood
    return [second, first._replace(why=f"{first.why}; recovered lately, takes {share:.0%} for now"), *rest]


def _rank(one: Fit) -> int:
    return one.candidate.rank


def _step(stood: Placed, ask: Ask, pin: str, *, long: bool) -> Step:
    """One attempt."""
    candidate = stood.candidate
    return Step(
        channel=candidate.channel,
        model=candidate.model,
        why=stood.why if stood.share == 1.0 else f"{stood.why}, share {stood.share:.0%}",
        share=stood.share,
        max_output=_max_output(candidate, ask, long=long),
        probe=stood.probe,
        pin=pin,
        warm_ms=ask.warm_ms,
        override=candidate.override,
    )


def _max_output(candidate: Candidate, ask: Ask, *, long: bool) -> int | None:
    """The output that fits, where the client wishes more."""
    if ask.max_output is None:
        return None
    limits = [candidate.card.max_output] if candidate.card.max_output else []
    context = _context(candidate, long=long)
    if context is not None:
        limits.append(max(context - int(ask.prompt_tokens * MARGIN), LEAST_OUTPUT))
    fits = min(limits, default=ask.max_output)
    return fits if fits < ask.max_output else None


def _name(candidate: Candidate) -> str:
    return f"{candidate.model} on {candidate.channel.account}"
