"""Real Claude Code carries one task on a vendor that speaks Gemini, strict as its newest models."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.claude_code import VERSIONS, Ask
from tests.clients.conftest import Claude
from tests.clients.gateway import gateway
from tests.clients.models import call
from tests.clients.stage import STEPS, claim_done
from tests.clients.vendors import claim_taken, gemini, gemini_channel
from tests.standin import Ask as Asked
from tests.standin import Reply, Shape, StandIn, said
from tests.standin.check_gemini import SKIP

SHAPES = {
    "plain": Shape(),
    "one_byte_per_write": Shape(writes="byte"),
    "crlf_and_comments": Shape(newline="\r\n", comments=True),
    "no_usage": Shape(usage="none"),
    "no_call_ids": Shape(ids="missing"),
    "text_in_one_piece": Shape(text="whole", writes="whole"),
}


def claim_smooth(upstream: StandIn) -> None:
    """Each answer was asked for once, as a stream, in a form the vendor takes, with the vendor's own signatures."""
    assert [seen.refused for seen in upstream.requests] == [None] * STEPS
    assert [seen.answered for seen in upstream.requests] == ["reply"] * STEPS
    assert all(seen.path.endswith(":streamGenerateContent") and seen.query == "alt=sse" for seen in upstream.requests)
    last = json.dumps(upstream.requests[-1].body)
    assert "thoughtSignature" in last
    assert SKIP not in last


def scenes() -> Iterator[Any]:
    """The plain shape with each version, the others with one in turn; one run is quick enough for every push."""
    for place, name in enumerate(SHAPES):
        for version in VERSIONS if name == "plain" else (VERSIONS[place % 2],):
            marks = () if name == "plain" and version == VERSIONS[0] else (pytest.mark.slow,)
            yield pytest.param(version, name, id=f"{version}-{name}", marks=marks)


@pytest.mark.parametrize(("version", "shape"), [*scenes()])
def test_the_task_is_done(claude: Claude, tmp_path: Path, version: str, shape: str) -> None:
    with (
        gemini(tmp_path, SHAPES[shape]) as upstream,
        gateway(tmp_path / "gateway", gemini_channel(upstream)) as door,
    ):
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)
    claim_smooth(upstream)


FAULTS = {
    "rate_limited": ("F20", {"value": "1"}),
    "reset": ("F17", {}),
    "empty_answer": ("empty", {}),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_user_does_not_notice_a_fault_before_content(
    claude: Claude, tmp_path: Path, version: str, fault: str
) -> None:
    key, settings = FAULTS[fault]
    with (
        gemini(tmp_path) as upstream,
        gateway(tmp_path / "gateway", gemini_channel(upstream)) as door,
    ):
        upstream.fault(key, **settings)  # type: ignore[arg-type] # each fault has its own
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_a_malformed_call_is_asked_for_again(claude: Claude, tmp_path: Path, version: str) -> None:
    with (
        gemini(tmp_path) as upstream,
        gateway(tmp_path / "gateway", gemini_channel(upstream)) as door,
    ):
        upstream.script(Reply((), foreign_stop="MALFORMED_FUNCTION_CALL"))
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_a_search_of_the_web_is_made_by_the_vendor(claude: Claude, tmp_path: Path, version: str) -> None:
    def respond(asked: Asked) -> Reply:
        if not asked.tools:
            return said("Python 3.14 came out.")
        return (
            said("Found.") if any(turn.calls for turn in asked.turns) else Reply((call("WebSearch", query="python"),))
        )

    ask = Ask(place=tmp_path, arguments=("--allowedTools", "WebSearch"), settings={"ENABLE_TOOL_SEARCH": "false"})
    with (
        gemini(tmp_path, responder=respond) as upstream,
        gateway(tmp_path / "gateway", gemini_channel(upstream)) as door,
    ):
        run = claude(version, ask.at(door.url))

    claim_taken(upstream, run)
    assert [name for name, _ in run.calls] == ["WebSearch"], run.story
    assert "Python 3.14 came out." in str(run.tool_results), run.story
    assert [seen.body["tools"] for seen in upstream.requests][1] == [{"googleSearch": {}}]
