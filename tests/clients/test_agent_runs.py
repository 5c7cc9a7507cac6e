"""Real Claude Code carries one task from the first answer to the report, on every wire and in every shape of stream."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.claude_code import VERSIONS, Ask
from tests.clients.conftest import Claude
from tests.clients.gateway import PROVIDERS, Upstream, Wire, gateway
from tests.clients.stage import CLIENT_KEY, HoldingVendor, claim_done, claim_smooth, shown, vendor
from tests.standin import Shape, StandIn, agent_run

BOTH: tuple[Wire, ...] = ("openai_chat", "anthropic")
CHAT: tuple[Wire, ...] = ("openai_chat",)

SHAPES: dict[str, tuple[Shape, tuple[Wire, ...]]] = {
    "plain": (Shape(), BOTH),
    "one_byte_per_write": (Shape(writes="byte"), BOTH),
    "crlf_and_comments": (Shape(newline="\r\n", comments=True), BOTH),
    "interleaved_calls": (Shape(calls="interleaved"), BOTH),
    "no_usage": (Shape(usage="none"), BOTH),
    "no_terminal_event": (Shape(ending="none"), BOTH),
    "calls_in_the_last_chunk": (Shape(calls="with_finish"), CHAT),
    "all_calls_at_index_zero": (Shape(calls="index_zero"), CHAT),
    "no_call_ids": (Shape(ids="missing"), CHAT),
    "thinking_as_reasoning": (Shape(reasoning="reasoning"), CHAT),
}


def scenes() -> Iterator[Any]:
    """Each version with each shape on each wire it exists on; a slice of two is quick enough for every push."""
    for name, (_, wires) in SHAPES.items():
        for wire in wires:
            for version in VERSIONS:
                quick = name == "plain" and version == VERSIONS[0]
                marks = () if quick else (pytest.mark.slow,)
                yield pytest.param(version, wire, name, id=f"{version}-{wire}-{name}", marks=marks)


@pytest.mark.parametrize(("version", "wire", "shape"), [*scenes()])
def test_the_task_is_done(claude: Claude, tmp_path: Path, version: str, wire: Wire, shape: str) -> None:
    with (
        vendor(tmp_path, wire, SHAPES[shape][0]) as upstream,
        gateway(tmp_path / "gateway", Upstream(url=upstream.url, provider=PROVIDERS[wire])) as door,
    ):
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)
    claim_smooth(upstream)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_task_is_done_on_a_server_that_knows_only_part_of_the_dialect(
    claude: Claude, tmp_path: Path, version: str
) -> None:
    with (
        vendor(tmp_path, "anthropic") as upstream,
        gateway(tmp_path / "gateway", Upstream(url=upstream.url, provider="anthropic-compatible")) as door,
    ):
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)
    claim_smooth(upstream)


@pytest.mark.slow
@pytest.mark.parametrize("wire", BOTH)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_user_is_shown_the_same_as_without_a_gateway(
    claude: Claude, tmp_path: Path, version: str, wire: Wire
) -> None:
    with vendor(tmp_path / "straight", "anthropic", key=CLIENT_KEY) as upstream:
        straight = claude(version, Ask(url=upstream.url, place=tmp_path / "straight"))
    with (
        vendor(tmp_path, wire) as upstream,
        gateway(tmp_path / "gateway", Upstream(url=upstream.url, provider=PROVIDERS[wire])) as door,
    ):
        run = claude(version, Ask(url=door.url, place=tmp_path))

    assert shown(run) == shown(straight)
    assert run.result["stop_reason"] == straight.result["stop_reason"]
    usage, billed = run.result["usage"], upstream.billed
    assert usage["input_tokens"] == billed.input
    assert usage["output_tokens"] == billed.output


@pytest.mark.slow
@pytest.mark.parametrize("wire", BOTH)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_first_words_arrive_while_the_model_still_speaks(
    claude: Claude, tmp_path: Path, version: str, wire: Wire
) -> None:
    unfinished: list[bool] = []

    def release() -> None:
        unfinished.append(not upstream.requests[0].ended)
        upstream.released.set()

    model: StandIn
    with HoldingVendor(agent_run(str(tmp_path / "work")), dialects=(wire,)) as model:
        upstream = model
        with gateway(tmp_path / "gateway", Upstream(url=model.url, provider=PROVIDERS[wire])) as door:
            run = claude(version, Ask(url=door.url, place=tmp_path, on_delta=release, limit_s=30))

    assert unfinished == [True], run.story
    claim_done(run)
