"""Real Claude Code carries one task on a vendor that speaks GigaChat: tokens, one call a turn, names of its own."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.claude_code import MODEL, VERSIONS, Ask
from tests.clients.conftest import Claude
from tests.clients.gateway import Upstream, gateway
from tests.clients.stage import claim_done
from tests.standin import Shape, StandIn, agent_run

KEY = base64.b64encode(b"client:secret").decode()
SHAPES = {
    "plain": Shape(),
    "one_byte_per_write": Shape(writes="byte"),
    "crlf_and_comments": Shape(newline="\r\n", comments=True),
    "text_in_one_piece": Shape(text="whole", writes="whole"),
}


def vendor(place: Path, shape: Shape) -> StandIn:
    """A strict vendor with a token endpoint, whose model carries the agent run in the client's directory."""
    return StandIn(agent_run(str(place / "work")), dialects=("gigachat",), shape=shape, api_key=KEY, models=(MODEL,))


def channel_on(upstream: StandIn) -> Upstream:
    """A personal account: one request at a time."""
    options = {"auth_url": f"{upstream.url}/api/v2/oauth", "scope": "GIGACHAT_API_PERS"}
    settings = (("api_key", KEY), ("options", options), ("limits", {"simultaneous": 1}))
    return Upstream(url=f"{upstream.url}/api/v1", provider="gigachat", settings=settings)


def scenes() -> Iterator[Any]:
    """Each version with each shape; one is quick enough for every push."""
    for name in SHAPES:
        for version in VERSIONS:
            marks = () if name == "plain" and version == VERSIONS[0] else (pytest.mark.slow,)
            yield pytest.param(version, name, id=f"{version}-{name}", marks=marks)


@pytest.mark.parametrize(("version", "shape"), [*scenes()])
def test_the_task_is_done_and_schemas_are_made_plain_once(
    claude: Claude, tmp_path: Path, version: str, shape: str
) -> None:
    with (
        vendor(tmp_path, SHAPES[shape]) as upstream,
        gateway(tmp_path / "gateway", channel_on(upstream)) as door,
    ):
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)
    refused = [seen.refused for seen in upstream.requests if seen.refused]
    assert len(refused) == 1, refused
    assert "functions: parameters" in refused[0]
    assert len(upstream.office.issued) == 1
