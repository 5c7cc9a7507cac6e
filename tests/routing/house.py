"""Channels, profiles and snapshots for the tests of routing."""

from __future__ import annotations

import re

from msgspec.structs import replace

from dragoman.canon.habits import Habits
from dragoman.canon.problem import Kind, Problem, problem
from dragoman.routing.cards import ModelCard
from dragoman.routing.health import Health, Succeeded, learn
from dragoman.routing.plan import Ask, Plan, Refused, Step
from dragoman.routing.profile import Profile, Rule, RuleTarget
from dragoman.routing.snapshot import Channel, Mapping3, Snapshot

ASK = Ask(door="door", asked="sonnet")
BLIND = Habits(images=False)


def channel(
    name: str, *models: str, priority: int = 0, weight: float = 1.0, host: str = "", context: int | None = None
) -> Channel:
    """A channel on a host of its own, unless one is named."""
    return Channel(
        name=name,
        provider="acme",
        dialect="tongue",
        base_url=f"https://{host or name}.test/v1",
        models=models,
        priority=priority,
        weight=weight,
        cards=(ModelCard(name="*", context=context),) if context else (),
    )


def snapshot(*channels: Channel, rules: tuple[Rule, ...] | None = None, mapping: Mapping3 | None = None) -> Snapshot:
    """A configuration; `rules` are those of the profile `default`."""
    profiles = () if rules is None else (Profile("default", rules),)
    return Snapshot(channels=channels, profiles=profiles, mapping=mapping)


def rule(name: str, *targets: str, message: str = "") -> Rule:
    """A rule; a name between slashes is a pattern, and a target is `channel/model`."""
    to = tuple(RuleTarget(channel, model) for channel, _, model in (target.partition("/") for target in targets))
    if name.startswith("/"):
        return Rule(pattern=re.compile(name.strip("/")), targets=to, message=message)
    return Rule(model=name, targets=to, message=message)


def step(name: str = "a", model: str = "m", *, host: str = "", pin: str = "", warm_ms: int = 300_000) -> Step:
    """An attempt on a channel."""
    return Step(channel=channel(name, host=host), model=model, why="test", pin=pin, warm_ms=warm_ms)


def fault(kind: Kind, wait_s: float | None = None, status: int | None = None) -> Problem:
    """A problem of this kind."""
    return problem(kind, f"It is {kind}.", retry_after_s=wait_s, upstream_status=status)


def after(*lived: Kind | None, health: Health | None = None, at: Step | None = None, now_ms: int = 0) -> Health:
    """Health after attempts at one moment that failed in these ways, or (None) succeeded."""
    health = health or Health()
    for kind in lived:
        health = learn(health, at or step(), fault(kind) if kind else Succeeded(), now_ms, 0.5)
    return health


def names(plan: Plan | Refused) -> list[str]:
    """The channels of a plan, in order."""
    assert isinstance(plan, Plan), plan
    return [attempt.channel.name for attempt in plan.attempts]


def probing(at: Step) -> Step:
    """The same attempt as a probe."""
    return replace(at, probe=True)
