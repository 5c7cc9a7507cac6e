"""What the real Claude Code can do, it can do through the gateway: pictures, deferred tools, sub-agents, sessions."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest

from tests.clients.claude_code import VERSIONS, Ask, Run
from tests.clients.conftest import Claude
from tests.clients.gateway import PROVIDERS, Upstream, Wire, gateway
from tests.clients.models import call, delegating, in_turn, talking, thoughtful
from tests.clients.stage import CLIENT_KEY, at_step, claim_done, shown, vendor
from tests.sdks.stage import DOT, PDF
from tests.standin import Call, Reply, StandIn, Text, agent_run, said

pytestmark = [
    pytest.mark.slow,
    pytest.mark.parametrize("wire", [*PROVIDERS]),
    pytest.mark.parametrize("version", VERSIONS),
]


def through(claude: Claude, version: str, upstream: StandIn, wire: Wire, ask: Ask) -> Run:
    """A run through a gateway before one upstream; `ask.url` is filled in."""
    with gateway(ask.place / "gateway", Upstream(url=upstream.url, provider=PROVIDERS[wire])) as door:
        return claude(version, ask.at(door.url))


def claim_accepted(upstream: StandIn, run: Run) -> None:
    """The client ended well and the vendor refused nothing."""
    assert (run.exit_code, run.is_error, run.retries) == (0, False, []), run.story
    assert [seen.refused for seen in upstream.requests if seen.refused] == []


@pytest.mark.parametrize("model", ["opus", "haiku", "claude-sonnet-4-5"])
def test_every_model_name_works(claude: Claude, tmp_path: Path, version: str, wire: Wire, model: str) -> None:
    responder = thoughtful(agent_run(str(tmp_path / "work")))
    with vendor(tmp_path, wire, responder=responder) as upstream:
        run = through(claude, version, upstream, wire, Ask(place=tmp_path, model=model))

    claim_done(run)
    claim_accepted(upstream, run)


def test_pictures_and_papers_reach_the_model(claude: Claude, tmp_path: Path, version: str, wire: Wire) -> None:
    work = tmp_path / "work"
    work.mkdir()
    (work / "dot.png").write_bytes(base64.b64decode(DOT))
    (work / "paper.pdf").write_bytes(base64.b64decode(PDF))
    reads = (call("Read", file_path=str(work / "dot.png")), call("Read", file_path=str(work / "paper.pdf")))
    with vendor(tmp_path, wire, responder=in_turn(Reply(reads), said("Seen."))) as upstream:
        run = through(claude, version, upstream, wire, Ask(place=tmp_path))

    claim_accepted(upstream, run)
    sent = upstream.requests[-1].raw.decode()
    assert DOT in sent
    assert PDF in sent


def test_a_deferred_tool_is_offered_once_it_was_found(claude: Claude, tmp_path: Path, version: str, wire: Wire) -> None:
    search = Reply((call("ToolSearch", query="select:WebFetch", max_results=5),))
    with vendor(tmp_path, wire, responder=in_turn(search, said("Found."))) as upstream:
        ask = Ask(place=tmp_path, settings={"ENABLE_TOOL_SEARCH": "true"})
        run = through(claude, version, upstream, wire, ask)

    claim_accepted(upstream, run)
    before, after = ([tool_name(tool) for tool in seen.body["tools"]] for seen in upstream.requests)
    assert "WebFetch" not in before
    assert "WebFetch" in after


def tool_name(tool: dict[str, dict[str, str]]) -> object:
    return tool.get("name") or tool["function"]["name"]


def test_arguments_that_are_no_json_go_through_as_they_are(
    claude: Claude, tmp_path: Path, version: str, wire: Wire
) -> None:
    model = in_turn(Reply((Text("I call it."), Call("Bash", '{"command": "ls'))), said("I see."))
    with vendor(tmp_path / "a", "anthropic", key=CLIENT_KEY, responder=model) as upstream:
        straight = claude(version, Ask(url=upstream.url, place=tmp_path / "a"))
    with vendor(tmp_path / "b", wire, responder=model) as upstream:
        run = through(claude, version, upstream, wire, Ask(place=tmp_path / "b"))

    claim_accepted(upstream, run)
    assert shown(run) == shown(straight)
    assert [result["content"] for result in run.tool_results] == [result["content"] for result in straight.tool_results]


def test_an_answer_in_a_schema_arrives(claude: Claude, tmp_path: Path, version: str, wire: Wire) -> None:
    wanted = {"type": "object", "properties": {"count": {"type": "integer"}}, "required": ["count"]}
    model = in_turn(Reply((call("StructuredOutput", count=2),)), said("Done."))
    with vendor(tmp_path, wire, responder=model) as upstream:
        ask = Ask(place=tmp_path, arguments=("--json-schema", json.dumps(wanted)))
        run = through(claude, version, upstream, wire, ask)

    claim_accepted(upstream, run)
    assert run.result["structured_output"] == {"count": 2}


def test_a_sub_agent_does_its_part(claude: Claude, tmp_path: Path, version: str, wire: Wire) -> None:
    with vendor(tmp_path, wire, responder=delegating) as upstream:
        run = through(claude, version, upstream, wire, Ask(place=tmp_path))

    claim_accepted(upstream, run)
    assert run.text == "It was counted."
    assert any("There are two files." in seen.raw.decode() for seen in upstream.requests)


def test_a_session_goes_on_in_a_second_run(claude: Claude, tmp_path: Path, version: str, wire: Wire) -> None:
    with vendor(tmp_path, wire, responder=talking) as upstream:
        first = through(claude, version, upstream, wire, Ask(place=tmp_path))
        second = through(claude, version, upstream, wire, Ask(place=tmp_path, arguments=("--continue",)))

    claim_accepted(upstream, second)
    assert (first.text, second.text) == ("Answer 0.", "Answer 1.")


def test_the_context_is_counted(claude: Claude, tmp_path: Path, version: str, wire: Wire) -> None:
    with vendor(tmp_path, wire) as upstream:
        run = through(claude, version, upstream, wire, Ask(place=tmp_path, prompt="/context"))

    assert run.exit_code == 0
    assert "Context Usage" in run.text
    assert upstream.requests == []
    counted = [seen.path for seen in upstream.side_requests if seen.answered == "count"]
    assert bool(counted) == (wire == "anthropic")


@pytest.mark.parametrize("model", ["standin-large", "claude-sonnet-4-5"])
def test_a_run_goes_on_at_another_vendor(claude: Claude, tmp_path: Path, version: str, wire: Wire, model: str) -> None:
    other: Wire = "anthropic" if wire == "openai_chat" else "openai_chat"
    responder = thoughtful(agent_run(str(tmp_path / "work")))
    with (
        vendor(tmp_path, wire, responder=responder) as first,
        vendor(tmp_path, other, responder=responder) as second,
        gateway(
            tmp_path / "gateway",
            Upstream(url=first.url, provider=PROVIDERS[wire]),
            Upstream(url=second.url, provider=PROVIDERS[other]),
        ) as door,
    ):
        first.fault("F24", times=None, when=lambda asked: not any(at_step(step)(asked) for step in (1, 2)))
        run = claude(version, Ask(url=door.url, place=tmp_path, model=model))

    claim_done(run)
    claim_accepted(second, run)
    assert [seen.answered for seen in first.requests[:3]] == ["reply", "reply", "F24"]
    assert len(second.requests) == 3
