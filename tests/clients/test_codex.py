"""What Codex has of its own works on every upstream: patches, tools in namespaces, tools to be searched for."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.agents import CODEX, Wish
from tests.clients.conftest import Start
from tests.clients.task import PRINTED, PROMPT, task
from tests.clients.upstreams import UPSTREAMS, reached
from tests.standin import Ask, Call, Dialect, Reply, Text, said

KNOWN = "gpt-5.5"
"""For models of this name Codex brings `apply_patch` as a tool of free text, and tools that must be searched for."""
UNKNOWN = "standin-large"
"""For others it brings tools in a namespace."""

ADD = "*** Begin Patch\n*** Add File: notes.txt\n+one\n+two ✓\n*** End Patch\n"
UPDATE = "*** Begin Patch\n*** Update File: notes.txt\n@@\n one\n-two ✓\n+три ✓\n*** End Patch\n"

QUICK = ("openai_chat",)
EVERYWHERE = pytest.mark.parametrize(
    "dialect", [pytest.param(name, marks=() if name in QUICK else (pytest.mark.slow,)) for name in UPSTREAMS]
)


def results(ask: Ask) -> list[str]:
    """What the tools said so far."""
    return [result.text for turn in ask.turns for result in turn.results]


def patched(ask: Ask) -> Reply:
    """A model that makes a file and changes it, in the form in which the tool is offered."""
    made = len(results(ask))
    if made == 2:
        return said("Patched ✓.")
    patch = (ADD, UPDATE)[made]
    text = patch if "apply_patch" in ask.text_tools else json.dumps({"input": patch})
    return Reply((Text("I patch."), Call("apply_patch", text)))


@EVERYWHERE
def test_patches_are_applied(start: Start, tmp_path: Path, dialect: Dialect) -> None:
    with reached(tmp_path / "gateway", dialect, KNOWN, patched) as door:
        wish = Wish(place=tmp_path, url=door.url, model=KNOWN, prompt="Write notes.")
        ended = start(CODEX, wish)

    assert (ended.exit_code, ended.told.failed) == (0, False), ended.story
    assert ended.told.calls == ("file_change", "file_change"), ended.story
    assert ended.told.text == "Patched ✓."
    assert (wish.work / "notes.txt").read_text() == "one\nтри ✓\n"
    assert [seen.refused for seen in door.upstream.requests] == [None] * 3


def searching(ask: Ask) -> Reply:
    """A model that searches for tools and calls one that was found."""
    if not results(ask):
        return Reply((Call("tool_search", json.dumps({"query": "close an agent", "limit": 8})),))
    found = next((name for name in ask.tools if name.endswith("close_agent")), None)
    if found and len(results(ask)) == 1:
        return Reply((Call(found, json.dumps({"target": "nobody"})),))
    return said(f"It said: {results(ask)[-1]}")


def in_a_namespace(ask: Ask) -> Reply:
    """A model that calls a tool of a namespace."""
    if results(ask):
        return said(f"It said: {results(ask)[-1]}")
    name = next(name for name in ask.tools if name.endswith("close_agent"))
    return Reply((Call(name, json.dumps({"target": "nobody"})),))


@EVERYWHERE
@pytest.mark.parametrize("model", [KNOWN, UNKNOWN])
def test_tools_of_a_namespace_are_called(start: Start, tmp_path: Path, dialect: Dialect, model: str) -> None:
    responder = searching if model == KNOWN else in_a_namespace
    with reached(tmp_path / "gateway", dialect, model, responder) as door:
        ended = start(CODEX, Wish(place=tmp_path, url=door.url, model=model, prompt="Close the agent."))

    assert (ended.exit_code, ended.told.failed) == (0, False), ended.story
    assert "invalid agent id nobody" in ended.told.text, ended.story
    assert [seen.refused for seen in door.upstream.requests if seen.refused] == []


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["F20", "F22"])
@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses"])
def test_a_turn_resumes_after_a_limit_of_the_upstream(
    start: Start, tmp_path: Path, dialect: Dialect, fault: str
) -> None:
    with reached(tmp_path / "gateway", dialect, UNKNOWN) as door:
        wish = Wish(place=tmp_path, url=door.url, model=UNKNOWN, prompt=PROMPT)
        door.upstream.responder = task(wish.work)
        door.upstream.fault(fault, when=lambda ask: len(results(ask)) == 1)
        ended = start(CODEX, wish)

    assert (ended.exit_code, ended.told.failed) == (0, False), ended.story
    assert ended.told.text.endswith(PRINTED), ended.story
    assert [seen.answered for seen in door.upstream.requests] == ["reply", fault, "reply", "reply"]
