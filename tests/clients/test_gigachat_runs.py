"""Real Claude Code carries one task on a vendor that speaks GigaChat, strict in its histories, functions and tokens."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.claude_code import VERSIONS, Ask
from tests.clients.conftest import Claude
from tests.clients.gateway import gateway
from tests.clients.stage import STEPS, claim_done
from tests.clients.vendors import gigachat, gigachat_channel
from tests.standin import Shape, StandIn

TURNS = STEPS + 1
"""A message holds one call, so that the two calls of the second step are made one after the other."""
SHAPES = {
    "plain": Shape(),
    "call_with_its_finish": Shape(calls="with_finish"),
    "one_byte_per_write": Shape(writes="byte"),
    "no_usage": Shape(usage="none"),
    "built_ins_at_work": Shape(pings=True),
    "crlf_and_comments": Shape(newline="\r\n", comments=True),
    "two_calls_told_at_once": Shape(calls="interleaved"),
}


def claim_smooth(upstream: StandIn, turns: int) -> None:
    """Each answer was asked for once, as a stream, with one token, and with the vendor's own state of each call."""
    assert [seen.refused for seen in upstream.requests] == [None] * turns
    assert [seen.answered for seen in upstream.requests] == ["reply"] * turns
    assert len(upstream.office.issued) == 1
    last = upstream.requests[-1].body["messages"]
    assert [bool(each.get("functions_state_id")) for each in last if "function_call" in each] == [True] * STEPS
    sessions = {seen.header("x-session-id") for seen in upstream.requests}
    assert len(sessions) == 1
    assert None not in sessions
    assert "x-anthropic-billing-header" not in json.dumps(upstream.requests[0].body)


def scenes() -> Iterator[Any]:
    """The plain shape with each version, the others with one in turn; one run is quick enough for every push."""
    for place, name in enumerate(SHAPES):
        for version in VERSIONS if name == "plain" else (VERSIONS[place % 2],):
            marks = () if name == "plain" and version == VERSIONS[0] else (pytest.mark.slow,)
            yield pytest.param(version, name, id=f"{version}-{name}", marks=marks)


@pytest.mark.parametrize(("version", "shape"), [*scenes()])
def test_the_task_is_done(claude: Claude, tmp_path: Path, version: str, shape: str) -> None:
    with (
        gigachat(tmp_path, SHAPES[shape]) as upstream,
        gateway(tmp_path / "gateway", gigachat_channel(upstream)) as door,
    ):
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)
    claim_smooth(upstream, STEPS if SHAPES[shape].calls == "interleaved" else TURNS)


FAULTS: dict[str, Callable[[StandIn], None]] = {
    "rate_limited": lambda upstream: upstream.fault("F20", value="1"),
    "reset": lambda upstream: upstream.fault("F17"),
    "empty_answer": lambda upstream: upstream.fault("empty"),
}


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("version", VERSIONS)
def test_the_user_does_not_notice_a_fault_before_content(
    claude: Claude, tmp_path: Path, version: str, fault: str
) -> None:
    with gigachat(tmp_path) as upstream, gateway(tmp_path / "gateway", gigachat_channel(upstream)) as door:
        FAULTS[fault](upstream)
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_tokens_that_end_in_the_middle_of_a_run_are_renewed_unseen(
    claude: Claude, tmp_path: Path, version: str
) -> None:
    with gigachat(tmp_path) as upstream, gateway(tmp_path / "gateway", gigachat_channel(upstream)) as door:
        respond = upstream.responder

        def forgetting(ask: Any) -> Any:
            if len(upstream.requests) == 2:
                upstream.office.expire()
            return respond(ask)

        upstream.responder = forgetting
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)
    assert len(upstream.office.issued) == 2


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_an_older_model_gets_plain_schemas_after_one_refusal(claude: Claude, tmp_path: Path, version: str) -> None:
    with (
        gigachat(tmp_path, allow=frozenset()) as upstream,
        gateway(tmp_path / "gateway", gigachat_channel(upstream)) as door,
    ):
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)
    refused = [seen.refused for seen in upstream.requests if seen.refused]
    assert len(refused) == 1
    assert "functions: parameters" in refused[0]


@pytest.mark.slow
@pytest.mark.parametrize(("version", "most"), [(VERSIONS[0], 4096), (VERSIONS[1], 6144)])
def test_tools_that_are_too_long_are_described_in_fewer_words_after_one_refusal(
    claude: Claude, tmp_path: Path, version: str, most: int
) -> None:
    with (
        gigachat(tmp_path, tool_tokens=most) as upstream,
        gateway(tmp_path / "gateway", gigachat_channel(upstream)) as door,
    ):
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)
    refused = [seen.refused for seen in upstream.requests if seen.refused]
    assert len(refused) == 1
    assert "Tokens limit exceeded for index 0" in refused[0]
    offered = [{function["name"] for function in seen.body["functions"]} for seen in upstream.requests]
    assert offered == offered[:1] * len(offered)


@pytest.mark.slow
@pytest.mark.parametrize("version", VERSIONS)
def test_the_task_is_done_by_the_second_api(claude: Claude, tmp_path: Path, version: str) -> None:
    with (
        gigachat(tmp_path) as upstream,
        gateway(tmp_path / "gateway", gigachat_channel(upstream, **{"options.api": "v2"})) as door,
    ):
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)
    assert [seen.refused for seen in upstream.requests if seen.refused] == []
    assert {seen.path for seen in upstream.requests} == {"/api/v2/chat/completions"}
    assert len(upstream.office.issued) == 1
