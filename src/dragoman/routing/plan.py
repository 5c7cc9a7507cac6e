"""What routing is asked, and what it answers: the attempts to be made, in order, each with its reason."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Struct, field

from dragoman.canon.problem import Problem
from dragoman.routing.profile import NO_OVERRIDE, Override
from dragoman.routing.snapshot import Channel

WARM_MS = 300_000
"""How long vendors keep a prompt cached by default."""
WARM_LONG_MS = 3_600_000
"""How long they keep what was marked to live for an hour."""


class Ask(Struct, frozen=True, kw_only=True):
    """What must be known of a request to decide who may answer it."""

    door: str
    """Dialect of the client."""
    asked: str
    """The model as the client named it."""
    profile: str | None = None
    """Profile of the API key; None takes the default one."""
    project: str = ""
    """Project of the API key; empty: none."""
    session: str | None = None
    """Key of the session (`ledger.session`); None never sticks to a channel."""
    prompt_tokens: int = 0
    """Our estimate of the prompt."""
    max_output: int | None = None
    """Output tokens the client wishes at most."""
    has_images: bool = False
    has_tools: bool = False
    has_documents: bool = False
    has_audio: bool = False
    has_video: bool = False
    images: int = 0
    """How many there are."""
    long_context: bool = False
    """Whether the client has turned on a window larger than the model's usual one, as by a beta header."""
    warm_ms: int = WARM_MS
    """How long the prompt's cache marks ask the upstream to remember it."""
    thinking: bool = False
    stream: bool = False
    agent: str = "main"
    """Who speaks (`ledger.session`)."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """The client's, by lower-case name."""
    now_s: float = 0.0
    """Unix time, for rules that hold at some hours only."""


class Step(Struct, frozen=True, kw_only=True):
    """One attempt of a plan."""

    channel: Channel
    model: str
    """The channel's name of the model."""
    why: str
    """Why it stands here."""
    share: float = 1.0
    """Chance that it was drawn first among its equals."""
    max_output: int | None = None
    """Output tokens to ask for at most; None leaves the client's wish."""
    probe: bool = False
    """Whether this request tries out a channel that was ill."""
    pin: str = ""
    """The session and model that are at home here after a success; empty: none."""
    warm_ms: int = WARM_MS
    """How long the prompt stays cached after a hit."""
    override: Override = NO_OVERRIDE
    """What the rule changes in the request."""


class PassedOver(NamedTuple):
    """A channel that is not asked, or a rule that would have taken the name, and why."""

    name: str
    """The channel, and its model; or the rule."""
    why: str


class Plan(Struct, frozen=True, kw_only=True):
    """The attempts for one request, made before the first of them."""

    asked: str
    """The model as the client named it, without the mark of a long window."""
    rule: str
    """What matched, in words."""
    attempts: tuple[Step, ...]
    """At least one, in order."""
    passed_over: tuple[PassedOver, ...] = ()

    def lines(self) -> tuple[str, ...]:
        """The plan for people and for the trace, a line each."""
        steps = [
            f"{number}. {step.model} on {step.channel.account}: {step.why}"
            for number, step in enumerate(self.attempts, 1)
        ]
        return (f"{self.asked}: {self.rule}", *steps, *(f"not {name}: {why}" for name, why in self.passed_over))


class Refused(Struct, frozen=True):
    """A request that is not sent anywhere."""

    problem: Problem
    passed_over: tuple[PassedOver, ...] = ()
    """Who might have taken it."""

    def lines(self) -> tuple[str, ...]:
        """The same for people, a line each."""
        return (self.problem.message, *(f"not {name}: {why}" for name, why in self.passed_over))
