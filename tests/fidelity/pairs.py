"""What becomes of each feature between each door and each upstream: found by asking the code that does it.

A sample is written in the door's dialect by that dialect's own writer, and read as a client's body. For every provider
that speaks the upstream's dialect it is then prepared as an attempt is, and what would be sent is read again. A loss is
what was declared on the way. What is missing upstream without a loss is a defect, whatever the table says.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Any, Literal, TypeAlias

from msgspec import Struct
from msgspec.structs import replace

from dragoman.assembly import DIALECTS
from dragoman.canon.habits import Habits
from dragoman.canon.problem import Trouble
from dragoman.canon.request import Loss, Request
from dragoman.canon.splice import members
from dragoman.cli.agents import merged
from dragoman.dialects.base import Dialect, Target, Telling
from dragoman.providers.base import Provider
from dragoman.providers.catalog import catalog
from dragoman.relay.outlet import Outlet
from dragoman.relay.prepare import Inquiry, Prepared, prepare, prepare_count
from dragoman.routing.plan import Step
from dragoman.routing.snapshot import Channel
from dragoman.web.doors import DOORS
from tests.fidelity.samples import CALLS, HOME, PLAIN, TOOLS, Feature, Returned, calls, with_tools

Verdict: TypeAlias = Literal["exact", "conditional", "unsupported", "never said"]

BY_NAME: dict[str, Dialect] = {dialect.name: dialect for dialect in DIALECTS}
DOOR_NAMES = tuple(dict.fromkeys(route.dialect for route in DOORS.values() if route.dialect in BY_NAME))
"""Those of dialects that clients alone speak are left out: they can say but a part of what another can."""
EVERYTHING = Habits(
    cache_marks=True,
    top_k=True,
    stop_limit=None,
    effort="reasoning_effort",
    efforts=("none", "minimal", "low", "medium", "high", "xhigh", "max"),
    user_limit=128,
)
"""A client says whatever its dialect can, as some server of it understands it."""
HISTORY: dict[str, tuple[str, tuple[str | int, ...]]] = {
    "anthropic": ("messages", ()),
    "openai_chat": ("messages", ("choices", 0, "message")),
    "openai_responses": ("input", ("output",)),
    "gemini": ("contents", ("candidates", 0, "content")),
}
"""By door, the list of turns in a request, and where in an answer stands what becomes one."""
TURN = ("role", "content", "parts", "tool_calls", "reasoning_content", "reasoning_details")
"""Members of an answer that belong to a turn."""
TELLING = Telling(model="m", exchange_id="dgm_1", created_s=1_700_000_000)
ECHO = {"openai_chat": "reasoning_details", "gemini": "thoughtSignature"}
"""In which member clients of a wire send earlier thinking back."""
MODELS: dict[str, tuple[str, ...]] = {
    "openai": ("gpt-5.5", "gpt-4.1"),
    "openai-responses": ("gpt-5.5", "gpt-4.1"),
    "azure": ("gpt-5.5", "gpt-4.1"),
    "azure-responses": ("gpt-5.5", "gpt-4.1"),
    "anthropic": ("claude-opus-5-5", "claude-sonnet-4-5"),
    "gemini": ("gemini-3.1-pro-preview", "gemini-2.5-flash"),
    "vertex": ("gemini-3.1-pro-preview", "gemini-2.5-flash"),
    "gemini-openai": ("gemini-3.1-pro-preview", "gemini-2.5-flash"),
    "gigachat": ("GigaChat-2-Max", "GigaChat-3-Ultra"),
    "moonshot": ("kimi-k3", "kimi-k2-0905-preview"),
    "moonshot-anthropic": ("kimi-k3",),
    "zhipu": ("glm-5.3", "glm-4.6v"),
    "zai": ("glm-5.3", "glm-4.6v"),
    "zai-anthropic": ("glm-5.3",),
    "qwen": ("qwen3-max", "qwen3-vl-plus"),
    "deepseek": ("deepseek-flash",),
    "deepseek-anthropic": ("deepseek-flash",),
}
"""Models of a provider that stand for its others; where none is named, one that no quirk knows."""
ANY_MODEL = ("some-model",)
COUNTING = tuple(dict.fromkeys(route.dialect for route in DOORS.values() if route.action == "count"))
"""Doors at which a prompt's tokens can be counted."""
ESTIMATED = Loss("count", "The provider cannot be asked; tokens are estimated here.")
WRITTEN_ONLY = frozenset({"gigachat_v2"})
"""Dialects that no client speaks and whose requests nobody reads here: of them only what is declared is known."""
BY_NATURE = {
    ("gigachat", "one call at a time"): "It makes one call at a time, whatever it is told.",
}
"""What need not be said upstream to be so, and why."""


class Place(Struct, frozen=True, order=True):
    """Where a request may go."""

    provider: str
    model: str
    dialect: str


class Outcome(Struct, frozen=True):
    """What became of a feature at one place."""

    losses: tuple[Loss, ...] = ()
    is_there: bool = False
    """Whether it can be found upstream as it was, beside what was lost."""
    refusal: str = ""
    """The words with which it was refused."""
    silent: str = ""
    """What is missing although nothing was declared."""

    @property
    def kept(self) -> bool:
        """Whether it went through as it was."""
        return not self.losses and not self.refusal

    @property
    def gone(self) -> bool:
        """Whether nothing of it went through."""
        return bool(self.refusal) or (not self.is_there and any(loss.how == "dropped" for loss in self.losses))


class Cell(Struct, frozen=True):
    """What becomes of a feature between a door and an upstream's dialect."""

    outcomes: Mapping[Place, Outcome]

    @property
    def verdict(self) -> Verdict:
        """In one word."""
        outcomes = self.outcomes.values()
        if not outcomes:
            return "never said"
        if all(outcome.kept for outcome in outcomes):
            return "exact"
        return "unsupported" if all(outcome.gone for outcome in outcomes) else "conditional"


def body_at(door: Dialect, feature: Feature) -> bytes | None:
    """The client's body in the door's dialect; None where that has no words for the feature."""
    try:
        match feature.sample:
            case Request() as sample:
                body = written(door, sample)
                return body if feature.found(door.read_request(body)) == feature.found(sample) else None
            case Returned() as sample:
                body = returned(door, sample)
                return body if feature.found(door.read_request(body)) else None
            case bodies if door.name in bodies:
                return beside(door, bodies[door.name])
    except Trouble:
        return None
    return None


def beside(door: Dialect, added: Mapping[str, Any]) -> bytes:
    """A plain request with these members; tools stand beside one of the client's, as an agent offers them."""
    if "tools" not in added:
        return json.dumps(merged(json.loads(written(door, PLAIN)), added)).encode()
    body: dict[str, Any] = json.loads(written(door, with_tools()))
    body["tools"] += added["tools"]
    return json.dumps(body).encode()


def returned(door: Dialect, sample: Returned) -> bytes:
    """The next request of a client that gives an answer back as it got it."""
    body: dict[str, Any] = json.loads(written(door, sample.request))
    told: Any = json.loads(door.write_reply(sample.answer, TELLING))
    turns, path = HISTORY[door.name]
    for step in path:
        told = told[step]
    given = told if isinstance(told, list) else [{name: told[name] for name in told if name in TURN}]
    body[turns][1:2] = given
    return json.dumps(body).encode()


def written(door: Dialect, sample: Request) -> bytes:
    """A sample in the door's dialect. Raises `Trouble`."""
    habits = replace(EVERYTHING, reasoning_echo=ECHO.get(door.name, ""))
    target = Target(model="m", origin="", native=True, stream=False, habits=habits)
    return door.write_request(replace(sample, dialect=door.name), target).body


def cell(door: Dialect, upstream: Dialect, feature: Feature) -> Cell:
    """The outcomes at every provider that speaks the upstream's dialect."""
    body = body_at(door, feature)
    return Cell({place: alone(door, body, place, feature) for place in places(upstream.name)} if body else {})


def alone(door: Dialect, body: bytes, place: Place, feature: Feature) -> Outcome:
    """What becomes of the feature itself, without what becomes of the tools and calls that it comes with."""
    found = outcome(door, body, place, feature)
    told = {loss for company in companions(door, body, feature) for loss in together(door, place, company).losses}
    own = tuple(loss for loss in found.losses if loss not in told)
    return replace(found, losses=own) if own or found.is_there else found


def companions(door: Dialect, body: bytes, feature: Feature) -> Iterator[Feature]:
    """The features of most requests that stand in this one, too."""
    request = door.read_request(body)
    if request.tools and feature is not TOOLS:
        yield TOOLS
    if calls(request) and feature not in (TOOLS, CALLS):
        yield CALLS


def together(door: Dialect, place: Place, feature: Feature) -> Outcome:
    """What becomes of a feature that others come with."""
    body = body_at(door, feature)
    return outcome(door, body, place, feature) if body else Outcome()


def outcome(door: Dialect, body: bytes, place: Place, feature: Feature) -> Outcome:
    """What becomes of the body at one place."""
    outlet = outlet_of(place.provider, place.dialect)
    step = Step(channel=outlet.channel, model=place.model, why="")
    try:
        request = door.read_request(body)
        inquiry = Inquiry(id="dgm_1", door=door, body=body, request=request, headers={})
        prepared = prepare(inquiry, step, outlet)
    except Trouble as trouble:
        return Outcome(refusal=trouble.problem.message)
    expected = feature.found(request)
    if outlet.dialect.name in WRITTEN_ONLY:
        return Outcome(prepared.losses)
    arrived = feature.found(outlet.dialect.read_request(prepared.call.body or b""))
    if losses := prepared.losses or taken_out(prepared, body):
        return Outcome(losses, is_there=arrived == expected)
    fine = arrived == expected or (outlet.dialect.name, feature.name) in BY_NATURE
    kept_here = bool(prepared.local_stops) and not arrived
    return Outcome(silent="" if fine or kept_here else f"{expected} became {arrived}")


def counting(door: Dialect, upstream: Dialect) -> Cell:
    """Where a provider is asked for a prompt's tokens, and where they are estimated."""
    body = written(door, PLAIN)
    inquiry = Inquiry(id="dgm_1", door=door, body=body, request=door.read_request(body), headers={})
    outcomes = {}
    for place in places(upstream.name):
        outlet = outlet_of(place.provider, place.dialect)
        call = prepare_count(inquiry, Step(channel=outlet.channel, model=place.model, why=""), outlet)
        outcomes[place] = Outcome() if call else Outcome((ESTIMATED,))
    return Cell(outcomes)


def taken_out(prepared: Prepared, body: bytes) -> tuple[Loss, ...]:
    """What a verbatim body was edited to do without."""
    gone = members(body).keys() - members(prepared.call.body or b"{}").keys()
    names = sorted(gone & set(prepared.edits))
    return tuple(Loss(name, "The provider refuses this member.", "dropped") for name in names)


def places(dialect: str) -> Iterator[Place]:
    """Every provider that speaks a dialect, with the models that stand for it."""
    for row in rows().values():
        if dialect in (row.dialect, *row.apis.values()):
            yield from (Place(row.id, model, dialect) for model in MODELS.get(row.id, ANY_MODEL))


@cache
def rows() -> Mapping[str, Provider]:
    """The catalog."""
    return catalog()


@cache
def outlet_of(provider: str, dialect: str) -> Outlet:
    """A channel of a provider."""
    row = rows()[provider]
    api = next((option for option, spoken in row.apis.items() if spoken == dialect), "")
    channel = Channel(
        name=HOME,
        provider=provider,
        dialect=dialect,
        base_url=row.base_url or "https://server.example/v1",
        native=row.native,
        options={"addendum": "false", "project": "p", "location": "global", **({"api": api} if api else {})},
    )
    return Outlet(channel, row, BY_NAME[dialect], "dragoman")
