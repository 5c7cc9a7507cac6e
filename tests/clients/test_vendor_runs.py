"""What the real Claude Code can do, it can do on vendors that speak no agent's dialect, where nothing is refused."""

from __future__ import annotations

import base64
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from io import BytesIO
from pathlib import Path

import pytest
from PIL import Image

from tests.clients import registry
from tests.clients.claude_code import VERSIONS, Ask, Run
from tests.clients.conftest import Claude
from tests.clients.gateway import gateway
from tests.clients.models import call, looking
from tests.clients.stage import CALLS, at_step, claim_done, slowly
from tests.clients.vendors import VENDORS, claim_taken, gigachat, gigachat_channel
from tests.sdks.stage import DOT, PDF
from tests.standin import Ask as Asked
from tests.standin import Call, Reply, Shape, StandIn, agent_run, said
from tests.standin.check_gemini import SKIP
from tests.standin.responders import PROGRAM

pytestmark = pytest.mark.slow

BOTH = pytest.mark.parametrize("vendor", VENDORS)
EITHER = pytest.mark.parametrize("version", VERSIONS)


def through(claude: Claude, version: str, vendor: str, upstream: StandIn, ask: Ask) -> Run:
    """A run through a gateway before one vendor; `ask.url` is filled in."""
    with gateway(ask.place / "gateway", VENDORS[vendor].channel(upstream)) as door:
        return claude(version, ask.at(door.url))


def webp() -> bytes:
    """A picture in a format that not every vendor takes."""
    file = BytesIO()
    Image.new("RGB", (8, 8), "red").save(file, "WEBP")
    return file.getvalue()


@BOTH
@EITHER
def test_pictures_and_papers_reach_the_model(claude: Claude, tmp_path: Path, version: str, vendor: str) -> None:
    files = {"dot.png": base64.b64decode(DOT), "dot.webp": webp(), "paper.pdf": base64.b64decode(PDF)}
    (tmp_path / "work").mkdir()
    for name, data in files.items():
        (tmp_path / "work" / name).write_bytes(data)
    reads = tuple(call("Read", file_path=str(tmp_path / "work" / name)) for name in files)
    with VENDORS[vendor].stand(tmp_path, responder=reading(reads)) as upstream:
        run = through(claude, version, vendor, upstream, Ask(place=tmp_path))

    claim_taken(upstream, run)
    assert [name for name, _ in run.calls] == ["Read"] * 3, run.story
    assert not [result for result in run.tool_results if result.get("is_error")], run.story
    if vendor == "gemini":
        sent = upstream.requests[-1].raw.decode()
        assert DOT in sent
        assert PDF in sent
        assert sent.count('"inlineData"') == 3
    else:
        assert sorted(upstream.office.files.values()) == ["application/pdf", "image/png", "image/png"]


def reading(reads: tuple[Call, ...]) -> Callable[[Asked], Reply]:
    """Wishes all calls at once, and goes on wishing those that were not made."""

    def respond(ask: Asked) -> Reply:
        made = [arguments for turn in ask.turns for _, _, arguments in turn.calls]
        left = tuple(each for each in reads if json.loads(each.arguments) not in made)
        return Reply(left) if left else said("Seen.")

    return respond


@BOTH
@EITHER
def test_forty_tools_with_long_names_and_odd_parameters_are_taken(
    claude: Claude, tmp_path: Path, version: str, vendor: str
) -> None:
    (tmp_path / "work").mkdir()
    file = registry.configuration(tmp_path)
    ask = Ask(
        place=tmp_path,
        arguments=("--mcp-config", str(file), "--strict-mcp-config", "--allowedTools", f"mcp__{registry.NAME}"),
        settings={"ENABLE_TOOL_SEARCH": "false"},
    )
    wished = {"query": {"$filter": "ёж", "@top": 10}}

    def respond(asked: Asked) -> Reply:
        if any(turn.calls for turn in asked.turns):
            return said("Found.")
        name = next(each for each in asked.tools if "find_07_" in each)
        return Reply((Call(name, json.dumps(wished)),))

    with VENDORS[vendor].stand(tmp_path, responder=respond) as upstream:
        run = through(claude, version, vendor, upstream, ask)

    claim_taken(upstream, run)
    assert run.calls == [(f"mcp__{registry.NAME}__{registry.tool_name(7)}", wished)], run.story
    assert registry.found(wished) in str(run.tool_results[0]["content"]), run.story
    offered = [name for name in told_tools(upstream) if "find_" in name]
    assert len(offered) >= registry.TOOLS
    assert all(len(name) <= 64 for name in offered)


def told_tools(upstream: StandIn) -> list[str]:
    """The names of the tools that the vendor was told at last."""
    body = upstream.requests[-1].body
    declared = body["functions"] if "functions" in body else body["tools"][0]["functionDeclarations"]
    return [str(each["name"]) for each in declared]


@BOTH
@EITHER
def test_thinking_and_its_seals_come_back_in_a_second_run(
    claude: Claude, tmp_path: Path, version: str, vendor: str
) -> None:
    with VENDORS[vendor].stand(tmp_path, Shape(event_delay_s=0.005), looking) as upstream:
        first = through(claude, version, vendor, upstream, Ask(place=tmp_path))
        second = through(claude, version, vendor, upstream, Ask(place=tmp_path, arguments=("--continue",)))

    claim_taken(upstream, second)
    assert (first.text, second.text) == ("Answer 0.", "Answer 1.")
    if vendor == "gemini":
        parts = [part for content in upstream.requests[-1].body["contents"] for part in content["parts"]]
        assert [part["text"] for part in parts if part.get("thought")] == ["Question 0.", "Thought 0.", "Question 1."]
        signed = [part for part in parts if "thoughtSignature" in part]
        assert [part["functionCall"]["args"]["command"] for part in signed] == ["echo 0", "echo 1"]
        assert SKIP not in str(signed)
    else:
        calls = [message for message in upstream.requests[-1].body["messages"] if "function_call" in message]
        assert [bool(message["functions_state_id"]) for message in calls] == [True, True]


BROKEN_STEP = 2
"""The step that breaks: text, then two calls."""


@BOTH
@pytest.mark.parametrize(("version", "fault"), [(VERSIONS[0], "F57.call"), (VERSIONS[1], "F52.text")])
def test_an_answer_that_breaks_off_is_asked_for_again_by_the_client(
    claude: Claude, tmp_path: Path, version: str, fault: str, vendor: str
) -> None:
    broken = slowly(agent_run(str(tmp_path / "work")), BROKEN_STEP)
    with VENDORS[vendor].stand(tmp_path, responder=broken) as upstream:
        upstream.fault(fault, when=at_step(BROKEN_STEP, streamed=True))
        run = through(claude, version, vendor, upstream, Ask(place=tmp_path, retries=1))

    assert [seen.refused for seen in upstream.requests if seen.refused] == []
    assert fault in [seen.answered for seen in upstream.requests]
    claim_carried_out(run)


def claim_carried_out(run: Run) -> None:
    """The task is done, though the client may have had to ask again."""
    assert not run.overdue, run.story
    assert (run.exit_code, run.is_error) == (0, False), run.story
    assert [name for name, _ in run.calls] == CALLS, run.story
    assert (run.work / "fib.py").read_text() == PROGRAM.replace("fib(10)", "fib(12)")


def test_a_key_for_one_request_at_a_time_serves_three_clients(claude: Claude, tmp_path: Path) -> None:
    slow = Shape(event_delay_s=0.005)
    places = [tmp_path / str(number) for number in range(3)]
    with (
        gigachat(tmp_path, slow, agent_run(None), simultaneous=1) as upstream,
        gateway(tmp_path / "gateway", gigachat_channel(upstream)) as door,
        ThreadPoolExecutor(len(places)) as pool,
    ):
        runs = [*pool.map(lambda place: claude(VERSIONS[0], Ask(url=door.url, place=place)), places)]

    for run in runs:
        claim_done(run)
    assert [seen.refused for seen in upstream.requests if seen.refused] == []
    assert len(upstream.office.issued) == 1


def test_a_storm_of_refusals_on_such_a_key_is_weathered(claude: Claude, tmp_path: Path) -> None:
    with gigachat(tmp_path, simultaneous=1) as upstream:
        upstream.fault("F20", times=2, value="1", when=at_step(1))
        upstream.fault("F20", times=6, value="1", when=at_step(2))
        run = through(claude, VERSIONS[1], "gigachat", upstream, Ask(place=tmp_path))

    claim_carried_out(run)
    assert [seen.refused for seen in upstream.requests if seen.refused] == []


@EITHER
def test_what_ran_on_one_vendor_goes_on_at_the_other(claude: Claude, tmp_path: Path, version: str) -> None:
    responder = agent_run(str(tmp_path / "work"))
    first, second = VENDORS["gigachat"], VENDORS["gemini"]
    with (
        first.stand(tmp_path, responder=responder) as one,
        second.stand(tmp_path, responder=responder) as other,
        gateway(tmp_path / "gateway", first.channel(one), second.channel(other)) as door,
    ):
        one.fault("F25", times=None, when=lambda asked: not any(at_step(step)(asked) for step in (1, 2)))
        run = claude(version, Ask(url=door.url, place=tmp_path))

    claim_done(run)
    claim_taken(one, run)
    claim_taken(other, run)
    assert {seen.answered for seen in other.requests} == {"reply"}
