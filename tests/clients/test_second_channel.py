"""What the first channel suffers before it has said anything, the user of the real Claude Code never notices."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from tests.clients.claude_code import VERSIONS, Ask
from tests.clients.conftest import Claude
from tests.clients.gateway import PROVIDERS, Upstream, Wire, gateway
from tests.clients.stage import claim_done, claim_smooth, vendor
from tests.standin import StandIn, refusing

pytestmark = pytest.mark.slow

WIRES: tuple[tuple[Wire, Wire], ...] = (("openai_chat", "anthropic"), ("anthropic", "openai_chat"))
"""The wire that fails, and the one that saves the run; each once with each fault, in turns for the two versions."""

FAULTS = {
    "rate_limited": "F20",
    "overloaded": "F24",
    "internal_error": "F25",
    "refused_connection": "",
    "reset_before_headers": "F17",
    "cut_before_content": "F48.start",
    "error_as_first_event": "F16.first",
    "no_event": "F15",
    "bad_key": "F28.401",
}


def scenes() -> Iterator[Any]:
    """Each fault with each version, and with each wire as the one that fails."""
    for number, name in enumerate(FAULTS):
        for turn, version in enumerate(VERSIONS):
            failing, saving = WIRES[(number + turn) % 2]
            yield pytest.param(version, failing, saving, name, id=f"{version}-{failing}-{name}")


@pytest.mark.parametrize(("version", "failing", "saving", "fault"), [*scenes()])
def test_a_fault_before_content_goes_unnoticed(
    claude: Claude, tmp_path: Path, version: str, failing: Wire, saving: Wire, fault: str
) -> None:
    with ExitStack() as stack:
        broken: StandIn | None = None
        if key := FAULTS[fault]:
            broken = stack.enter_context(vendor(tmp_path, failing))
            broken.fault(key, times=None)
        url = broken.url if broken else stack.enter_context(refusing())
        healthy = stack.enter_context(vendor(tmp_path, saving))
        first = Upstream(url=url, provider=PROVIDERS[failing])
        second = Upstream(url=healthy.url, provider=PROVIDERS[saving])
        door = stack.enter_context(gateway(tmp_path / "gateway", first, second))
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)
    claim_smooth(healthy)
    assert broken is None or broken.requests


@pytest.mark.parametrize("version", VERSIONS)
def test_one_lost_answer_is_asked_for_again_where_there_is_no_second_channel(
    claude: Claude, tmp_path: Path, version: str
) -> None:
    with (
        vendor(tmp_path, "openai_chat") as upstream,
        gateway(tmp_path / "gateway", Upstream(url=upstream.url, provider="openai-compatible")) as door,
    ):
        upstream.fault("F17")
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)
