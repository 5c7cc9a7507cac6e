"""A conversation that outgrows the model is compacted by the real Claude Code, and goes on."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.claude_code import VERSIONS, Ask
from tests.clients.conftest import Claude
from tests.clients.gateway import PROVIDERS, Upstream, Wire, gateway
from tests.clients.stage import vendor
from tests.standin import Ask as Asked
from tests.standin import Call, Reply, Text, said

MARK = "The story so far was told."
CONTEXT = 30_000
"""Tokens: room for what the client says at first (11 to 18 thousand) and for some parts of the story."""


def story(ask: Asked) -> Reply:
    """A model that prints one long part after another, sums up when told to, and ends once it was summed up."""
    if "<summary>" in ask.last_user_text:
        return said(f"<summary>{MARK}</summary>")
    if any(MARK in turn.text for turn in ask.turns):
        return said("The end.")
    part = sum(len(turn.calls) for turn in ask.turns)
    command = f"python3 -c \"print({part}, 'a part of the story, ' * 400)\""
    return Reply((Text(f"Part {part}."), Call("Bash", json.dumps({"command": command, "description": "Tell"}))))


@pytest.mark.slow
@pytest.mark.parametrize("wire", [*PROVIDERS])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_conversation_that_outgrows_the_context_is_compacted(
    claude: Claude, tmp_path: Path, version: str, wire: Wire
) -> None:
    with (
        vendor(tmp_path, wire, responder=story) as upstream,
        gateway(tmp_path / "gateway", Upstream(url=upstream.url, provider=PROVIDERS[wire], context=CONTEXT)) as door,
    ):
        run = claude(version, Ask(url=door.url, place=tmp_path))

    assert (run.exit_code, run.text) == (0, "The end."), run.story
    assert run.compactions == 1
    assert run.retries == []
    assert {seen.answered for seen in upstream.requests} == {"reply"}


@pytest.mark.slow
@pytest.mark.parametrize(("wire", "fault"), [("openai_chat", "F32.openai"), ("anthropic", "F32.anthropic")])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_prompt_the_vendor_finds_too_long_is_compacted(
    claude: Claude, tmp_path: Path, version: str, wire: Wire, fault: str
) -> None:
    def third(ask: Asked) -> bool:
        return sum(len(turn.calls) for turn in ask.turns) == 3 and "<summary>" not in ask.last_user_text

    with (
        vendor(tmp_path, wire, responder=story) as upstream,
        gateway(tmp_path / "gateway", Upstream(url=upstream.url, provider=PROVIDERS[wire])) as door,
    ):
        upstream.fault(fault, times=None, when=third)
        run = claude(version, Ask(url=door.url, place=tmp_path))

    assert (run.exit_code, run.text) == (0, "The end."), run.story
    assert run.compactions == 1
    assert run.retries == []
