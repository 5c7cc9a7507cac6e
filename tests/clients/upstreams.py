"""Vendors of every dialect, each as a strict stand-in and the channel that leads to it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from msgspec import Struct

from tests.clients.gateway import Upstream, gateway
from tests.clients.stage import UPSTREAM_KEY
from tests.clients.task import ANSWERS
from tests.clients.vendors import GIGACHAT_KEY, WHOLE_SCHEMAS
from tests.standin import Dialect, Rules, StandIn
from tests.standin.responders import Responder, echo


class Row(Struct, frozen=True):
    """How the vendor of one dialect is stood in for and reached."""

    provider: str
    path: str = ""
    """Behind the address, as the vendor's own SDK is given it."""
    key: str = UPSTREAM_KEY
    rules: Rules = Rules()
    settings: tuple[tuple[str, str], ...] = ()
    """More keys of the channel; `$url` stands for the address."""
    answers: int = ANSWERS


UPSTREAMS: dict[Dialect, Row] = {
    "anthropic": Row("anthropic"),
    # A kit for compatible servers sends back the thinking that it got, as those want it.
    "openai_chat": Row("openai-compatible", "/v1", rules=Rules(allow=frozenset({"messages.reasoning_content"}))),
    "openai_responses": Row("openai-responses", "/v1"),
    "gemini": Row("gemini"),
    "gigachat": Row(
        "gigachat",
        "/api/v1",
        GIGACHAT_KEY,
        Rules(allow=WHOLE_SCHEMAS),
        (("options.auth_url", "$url/api/v2/oauth"),),
        ANSWERS + 1,  # a message holds one call
    ),
}


def model_of(dialect: Dialect) -> str:
    """The model that leads to an upstream."""
    return f"standin-{dialect}"


def standing(dialect: Dialect, model: str = "", responder: Responder = echo, key: str = "") -> StandIn:
    """The stand-in of one vendor, with one model and, unless told else, the gateway's key."""
    row = UPSTREAMS[dialect]
    models = (model or model_of(dialect),)
    return StandIn(responder, dialects=(dialect,), api_key=key or row.key, models=models, rules=row.rules)


def channel(dialect: Dialect, url: str, model: str = "", name: str = "") -> Upstream:
    """The channel for an upstream."""
    row = UPSTREAMS[dialect]
    settings = {"base_url": url + row.path, "api_key": row.key, **dict(row.settings)}
    return Upstream(
        url=url,
        provider=row.provider,
        name=name or dialect,
        models=(model or model_of(dialect),),
        settings=tuple((name, value.replace("$url", url)) for name, value in settings.items()),
    )


class Reached(Struct, frozen=True):
    """A gateway, and the one upstream behind it."""

    url: str
    upstream: StandIn


@contextmanager
def reached(folder: Path, dialect: Dialect, model: str = "", responder: Responder = echo) -> Iterator[Reached]:
    """One upstream behind a gateway, until the context ends."""
    with (
        standing(dialect, model, responder) as upstream,
        gateway(folder, channel(dialect, upstream.url, model), in_turn=False) as door,
    ):
        yield Reached(door.url, upstream)


class Stage(Struct, frozen=True):
    """A gateway, and the upstreams behind it, each reached by its model's name."""

    url: str
    upstreams: dict[Dialect, StandIn]


@contextmanager
def everywhere(folder: Path) -> Iterator[Stage]:
    """One upstream of each dialect behind a gateway, until the context ends."""
    upstreams = {dialect: standing(dialect) for dialect in UPSTREAMS}
    with ExitStack() as living:
        channels = [channel(dialect, living.enter_context(vendor).url) for dialect, vendor in upstreams.items()]
        door = living.enter_context(gateway(folder, *channels, in_turn=False))
        yield Stage(door.url, upstreams)
