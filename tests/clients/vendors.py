"""Vendors whose dialect no coding agent speaks, each as a strict stand-in and the channel that leads to it."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

from msgspec import Struct

from tests.clients.claude_code import MODEL, Run
from tests.clients.gateway import Upstream
from tests.clients.stage import UPSTREAM_KEY
from tests.standin import Shape, StandIn, agent_run
from tests.standin.responders import Responder
from tests.standin.rules import Rules

GIGACHAT_KEY = base64.b64encode(b"client:secret").decode()
"""As GigaChat's console gives it: an id and a secret."""
WHOLE_SCHEMAS = frozenset({"json_schema"})
"""Newer models of GigaChat take every word of JSON Schema; older ones refuse most."""


class Vendor(Struct, frozen=True):
    """A vendor of one dialect."""

    stand: Callable[..., StandIn]
    """The stand-in, for a client's place; more settings are the vendor's own."""
    channel: Callable[..., Upstream]
    """The channel for a stand-in; more settings are keys of the channel."""


def gemini(place: Path, shape: Shape | None = None, responder: Responder | None = None) -> StandIn:
    """A strict vendor whose model carries the agent run in the client's directory unless told else."""
    answering = responder or agent_run(str(place / "work"))
    return StandIn(answering, dialects=("gemini",), shape=shape, api_key=UPSTREAM_KEY, models=(MODEL,))


def gemini_channel(upstream: StandIn, **settings: Any) -> Upstream:
    """The channel for it."""
    return Upstream(url=upstream.url, provider="gemini", settings=tuple(settings.items()))


def gigachat(
    place: Path,
    shape: Shape | None = None,
    responder: Responder | None = None,
    *,
    simultaneous: int = 0,
    tool_tokens: int = 0,
    allow: frozenset[str] = WHOLE_SCHEMAS,
) -> StandIn:
    """The same of GigaChat; `allow` is what its model takes beyond the older ones."""
    answering = responder or agent_run(str(place / "work"))
    rules = Rules(allow=allow, simultaneous=simultaneous, tool_tokens=tool_tokens)
    return StandIn(answering, dialects=("gigachat",), shape=shape, api_key=GIGACHAT_KEY, models=(MODEL,), rules=rules)


def gigachat_channel(upstream: StandIn, **settings: Any) -> Upstream:
    """The channel for it."""
    keys = {
        "base_url": f"{upstream.url}/api/v1",
        "api_key": GIGACHAT_KEY,
        "options.auth_url": f"{upstream.url}/api/v2/oauth",
    }
    return Upstream(url=upstream.url, provider="gigachat", settings=tuple((keys | settings).items()))


VENDORS = {"gemini": Vendor(gemini, gemini_channel), "gigachat": Vendor(gigachat, gigachat_channel)}


def claim_taken(upstream: StandIn, run: Run) -> None:
    """The client ended well without asking again, and the vendor refused nothing."""
    assert not run.overdue, run.story
    assert (run.exit_code, run.is_error, run.retries) == (0, False, []), run.story
    assert [seen.refused for seen in upstream.requests if seen.refused] == []
