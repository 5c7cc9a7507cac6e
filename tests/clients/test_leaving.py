"""A user who stops the real Claude Code stops the model with it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.claude_code import VERSIONS, Ask, Leave
from tests.clients.conftest import Claude
from tests.clients.gateway import PROVIDERS, Upstream, Wire, gateway
from tests.clients.stage import HoldingVendor
from tests.standin import agent_run


@pytest.mark.slow
@pytest.mark.parametrize("wire", [*PROVIDERS])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_client_that_is_ended_stops_the_model(claude: Claude, tmp_path: Path, version: str, wire: Wire) -> None:
    def leave() -> None:
        raise Leave

    with (
        HoldingVendor(agent_run(str(tmp_path / "work")), dialects=(wire,)) as upstream,
        gateway(tmp_path / "gateway", Upstream(url=upstream.url, provider=PROVIDERS[wire])) as door,
    ):
        claude(version, Ask(url=door.url, place=tmp_path, on_delta=leave))
        assert upstream.wait(lambda vendor: vendor.requests[0].left_after_ms is not None)

    assert len(upstream.requests) == 1
