"""One upstream and no way out: no client is left hanging, and none takes a broken answer for a finished one.

The upstream speaks another dialect than the client, so that the gateway has to find the words. Clients that ask again
are told to do it seldom, where they can be told; opencode asks again without end after a broken answer, as it does
without a gateway, and is ended.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct, field
from msgspec.structs import replace

from dragoman.relay.state import BREAKS
from tests.clients.agents import AGENTS, Agent, Ended, Wish
from tests.clients.conftest import Start
from tests.clients.sdks import SDKS, Sdk
from tests.clients.task import FILE, PRINTED, PROGRAM, PROMPT, task
from tests.clients.upstreams import Reached, model_of, reached
from tests.standin import Ask, Dialect, StandIn

pytestmark = pytest.mark.slow

CODEX = replace(
    AGENTS["codex"],
    arguments=lambda wish: (
        *("-c", "model_providers.dragoman.stream_max_retries=1"),
        *("-c", "model_providers.dragoman.request_max_retries=1"),
        *AGENTS["codex"].arguments(wish),
    ),
)


class Scene(Struct, frozen=True):
    """One client before the upstream of another dialect."""

    client: Agent | Sdk
    upstream: Dialect
    config: Mapping[str, Any] = field(default_factory=dict)
    ends: bool = True
    """Whether the client ever gives up by itself."""


SCENES = {
    "codex": Scene(CODEX, "openai_chat"),
    "gemini": Scene(AGENTS["gemini"], "openai_chat", {"general": {"maxAttempts": 2}}),
    "opencode-compatible": Scene(AGENTS["opencode-compatible"], "anthropic", ends=False),
    "opencode-openai": Scene(AGENTS["opencode-openai"], "openai_chat", ends=False),
    "opencode-anthropic": Scene(AGENTS["opencode-anthropic"], "openai_chat", ends=False),
    "anthropic": Scene(SDKS["anthropic"], "openai_chat"),
    "chat": Scene(SDKS["chat"], "anthropic"),
    "responses": Scene(SDKS["responses"], "anthropic"),
    "genai": Scene(SDKS["genai"], "openai_chat"),
}
ASKING_AGAIN = ("codex", "gemini", "opencode-compatible", "opencode-openai")
"""Agents that do after a broken answer; opencode takes Anthropic's error within a stream for the last word."""

BROKEN = {
    "cut_in_thinking": "F53.thinking",
    "cut_in_text": "F52.text",
    "cut_in_a_call": "F52.call",
    "polite_close_in_text": "F48.text",
    "error_event": "F57",
}
ENDLESS_S = 25.0
"""How long a client is watched that would ask again for ever."""


def working(ask: Ask) -> bool:
    """Whether a request is the task's, and not for a title."""
    return bool(ask.tools)


def started(start: Start, place: Path, scene: Scene, fault: str, times: int | None, limit_s: float = 60.0) -> Any:
    """The client's end, and the upstream it met."""
    with reached(place / "gateway", scene.upstream) as door:
        model = model_of(scene.upstream)
        wish = Wish(place=place, url=door.url, model=model, prompt=PROMPT, limit_s=limit_s, config=scene.config)
        door.upstream.responder = task(wish.work)
        door.upstream.fault(fault, times=times, when=working)
        return start(scene.client, wish), door, wish


def breaks() -> Iterator[Any]:
    """Each client with each break; those that must be ended with one each, for it takes its time."""
    for name, scene in SCENES.items():
        faults = BROKEN if scene.ends else {"cut_in_text": "F52.text"}
        for fault in faults.values():
            yield pytest.param(name, fault, id=f"{name}-{fault}")


@pytest.mark.parametrize(("name", "fault"), [*breaks()])
def test_a_broken_answer_is_never_taken_for_a_finished_one(start: Start, tmp_path: Path, name: str, fault: str) -> None:
    scene = SCENES[name]
    ended, _, wish = started(start, tmp_path, scene, fault, None, 60.0 if scene.ends else ENDLESS_S)

    assert not (ended.overdue and scene.ends), ended.story
    assert ended.told.failed or ended.exit_code, ended.story
    assert not ended.told.calls, ended.story
    assert not (wish.work / FILE).exists()


@pytest.mark.parametrize("fault", ["F53.thinking", "F52.text"])
@pytest.mark.parametrize("name", ASKING_AGAIN)
def test_an_agent_that_asks_again_carries_on(start: Start, tmp_path: Path, name: str, fault: str) -> None:
    ended, door, wish = started(start, tmp_path, SCENES[name], fault, 1)

    claim_carried_out(ended, door, wish)


def claim_carried_out(ended: Ended, door: Reached, wish: Wish) -> None:
    """The task is done, and nothing that the broken answer left in the history was refused."""
    assert (ended.exit_code, ended.told.failed, ended.overdue) == (0, False, False), ended.story
    assert ended.told.text.endswith(PRINTED), ended.story
    assert (wish.work / FILE).read_text() == PROGRAM
    assert [seen.refused for seen in door.upstream.requests if seen.refused] == []


@pytest.mark.parametrize("name", SCENES)
def test_a_refused_key_of_the_gateway_is_told_at_once(start: Start, tmp_path: Path, name: str) -> None:
    ended, door, _ = started(start, tmp_path, SCENES[name], "F28.401", None)

    assert not ended.overdue, ended.story
    assert ended.told.failed, ended.story
    asked = [seen for seen in door.upstream.requests if seen.answered == "F28.401"]
    assert len(asked) <= (4 if name == "codex" else 1), ended.story


def begun(upstream: StandIn) -> bool:
    """Whether the silent answer has begun."""
    return any(seen.answered == "F54" for seen in upstream.requests)


@pytest.mark.parametrize("name", ["codex", "gemini", "opencode-anthropic", "genai"])
def test_an_agent_that_leaves_a_silent_answer_stops_the_upstream(start: Start, tmp_path: Path, name: str) -> None:
    with reached(tmp_path / "gateway", SCENES[name].upstream) as door:
        silent = partial(door.upstream.wait, begun, 60.0)
        model = model_of(SCENES[name].upstream)
        wish = Wish(place=tmp_path, url=door.url, model=model, prompt=PROMPT, leaves=silent)
        door.upstream.responder = task(wish.work)
        door.upstream.fault("F54", when=working)
        start(SCENES[name].client, wish)

        assert door.upstream.wait(lambda upstream: upstream.requests[-1].left_after_ms is not None)


def test_an_agent_that_loops_on_a_broken_answer_is_stopped(start: Start, tmp_path: Path) -> None:
    """opencode's kit for Google takes an error within a stream for an unknown finish and asks on at once."""
    scene = Scene(AGENTS["opencode-google"], "openai_chat")
    ended, door, _ = started(start, tmp_path, scene, "F52.text", None, 100.0)

    assert not ended.overdue, ended.story
    assert ended.told.failed or ended.exit_code, ended.story
    assert len([seen for seen in door.upstream.requests if seen.answered == "F52.text"]) <= 2 * BREAKS
