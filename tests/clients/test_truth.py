"""One channel and no way out: the real Claude Code is told the truth, the same as without a gateway.

Each scene is played twice: to the client alone with the vendor of its own dialect, and through the gateway. Where the
wire without a gateway would leave the client in the dark (a stream that stops politely), the vendor's own way of
saying it, an error event, is the measure.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from tests.clients.claude_code import VERSIONS, Ask, Run
from tests.clients.conftest import Claude
from tests.clients.gateway import PROVIDERS, Upstream, Wire, gateway
from tests.clients.stage import CLIENT_KEY, UPSTREAM_KEY, at_step, slowly, vendor
from tests.standin import StandIn, agent_run

pytestmark = pytest.mark.slow

BROKEN_STEP = 2
"""The step that fails: text, then two calls at once."""


class Scene(NamedTuple):
    """One way an answer can go wrong."""

    openai_chat: str
    """The fault on this wire."""
    anthropic: str
    straight: str
    """The fault that the client meets without a gateway."""
    words: bool = False
    """Whether the client must show the same words, too."""


BROKEN = {
    "cut_in_text": Scene("F52.text", "F52.text", "F57"),
    "cut_in_a_call": Scene("F52.call", "F52.call", "F57.call"),
    "closed_in_thinking": Scene("F53.thinking", "F53.thinking", "F57"),
    "polite_close_in_text": Scene("F48.text", "F48.text", "F57"),
    "polite_close_in_a_call": Scene("F48.call", "F48.call", "F57.call"),
    "error_event_in_a_call": Scene("F57.call", "F57.call", "F57.call"),
}
"""Answers that break off after content."""

ENDED = {
    "output_limit_in_text": Scene("length.text", "length.text", "length.text", words=True),
    "prompt_too_long": Scene("F32.openai", "F32.anthropic", "F32.anthropic", words=True),
    "refusal": Scene("F36.finish", "F36.finish", "F36.finish"),
}
"""Answers that end, with a reason the user must learn."""


def scenes(of: dict[str, Scene]) -> Iterator[Any]:
    for name in of:
        for wire in PROVIDERS:
            for version in VERSIONS:
                yield pytest.param(version, wire, of[name], id=f"{version}-{wire}-{name}")


def outcome(run: Run) -> dict[str, Any]:
    """What the run came to, as far as it does not depend on how often the client tried to save it."""
    return {
        "exit": run.exit_code,
        "error": run.is_error,
        "calls": [name for name, _ in run.calls],
        "failed tools": [result.get("is_error") is True for result in run.tool_results],
        "stop": run.result.get("stop_reason"),
        "end": run.result.get("terminal_reason"),
    }


class Stage:
    """Plays scenes with the client, straight or through a gateway. Mutable: it remembers what came of the former."""

    def __init__(self, claude: Claude, folders: pytest.TempPathFactory) -> None:
        self._claude = claude
        self._folders = folders
        self._known: dict[tuple[str, str, int | None], Run] = {}

    def straight(self, version: str, fault: str, times: int | None) -> Run:
        """The run without a gateway, played once."""
        key = (version, fault, times)
        if key not in self._known:
            place = self._folders.mktemp("straight")
            with self._vendor(place, fault, "anthropic", CLIENT_KEY, times) as upstream:
                self._known[key] = self._claude(version, Ask(url=upstream.url, place=place, retries=1))
        return self._known[key]

    def through(self, version: str, fault: str, wire: Wire, times: int | None) -> Run:
        """The run through a gateway."""
        place = self._folders.mktemp("through")
        with (
            self._vendor(place, fault, wire, UPSTREAM_KEY, times) as upstream,
            gateway(place / "gateway", Upstream(url=upstream.url, provider=PROVIDERS[wire])) as door,
        ):
            return self._claude(version, Ask(url=door.url, place=place, retries=1))

    def _vendor(self, place: Path, fault: str, wire: Wire, key: str, times: int | None) -> StandIn:
        """One step fails as often as it streams; asked whole it fails too, if the fault is for ever."""
        upstream = vendor(place, wire, key=key, responder=slowly(agent_run(str(place / "work")), BROKEN_STEP))
        upstream.fault(fault, times=times, when=at_step(BROKEN_STEP, streamed=True))
        if times is None:
            upstream.fault("F25", times=None, when=at_step(BROKEN_STEP, streamed=False))
        return upstream


@pytest.fixture(scope="module")
def stage(claude: Claude, tmp_path_factory: pytest.TempPathFactory) -> Stage:
    return Stage(claude, tmp_path_factory)


@pytest.mark.parametrize(("version", "wire", "scene"), [*scenes(BROKEN)])
def test_an_answer_that_broke_is_never_taken_for_whole(stage: Stage, version: str, wire: Wire, scene: Scene) -> None:
    straight = stage.straight(version, scene.straight, None)
    run = stage.through(version, getattr(scene, wire), wire, None)

    assert run.is_error, run.story
    assert [name for name, _ in run.calls] == ["Write"], run.story
    assert outcome(run) == outcome(straight), run.story


@pytest.mark.parametrize(("version", "wire", "scene"), [*scenes(BROKEN)])
def test_a_client_that_asks_again_fares_as_without_a_gateway(
    stage: Stage, version: str, wire: Wire, scene: Scene
) -> None:
    straight = stage.straight(version, scene.straight, 1)
    run = stage.through(version, getattr(scene, wire), wire, 1)

    assert outcome(run) == outcome(straight), run.story


@pytest.mark.parametrize(("version", "wire", "scene"), [*scenes(ENDED)])
def test_the_reason_of_an_ending_is_told(stage: Stage, version: str, wire: Wire, scene: Scene) -> None:
    straight = stage.straight(version, scene.straight, None)
    run = stage.through(version, getattr(scene, wire), wire, None)

    assert outcome(run) == outcome(straight), run.story
    assert not scene.words or run.text == straight.text
    assert run.is_error, run.story


@pytest.mark.parametrize("wire", [*PROVIDERS])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_call_cut_by_the_output_limit_reaches_the_model_as_it_was(stage: Stage, version: str, wire: Wire) -> None:
    straight = stage.straight(version, "length.call", 1)
    run = stage.through(version, "length.call", wire, 1)

    assert outcome(run) == outcome(straight), run.story


@pytest.mark.parametrize("wire", [*PROVIDERS])
@pytest.mark.parametrize("version", VERSIONS)
def test_a_bad_upstream_key_is_told_at_once(claude: Claude, tmp_path: Path, version: str, wire: Wire) -> None:
    with (
        vendor(tmp_path, wire, key="another key") as upstream,
        gateway(tmp_path / "gateway", Upstream(url=upstream.url, provider=PROVIDERS[wire])) as door,
    ):
        run = claude(version, Ask(url=door.url, place=tmp_path, limit_s=30))

    assert not run.overdue, run.story
    assert (run.exit_code, run.is_error) == (1, True), run.story
    assert run.result["api_error_status"] == 502
    assert "upstream-0" in run.text
    assert "/login" not in run.text
    assert run.retries == [], run.story
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("version", VERSIONS)
def test_a_prompt_that_does_not_fit_is_answered_before_any_attempt(
    claude: Claude, tmp_path: Path, version: str
) -> None:
    with (
        vendor(tmp_path, "openai_chat") as upstream,
        gateway(tmp_path / "gateway", Upstream(url=upstream.url, provider="openai-compatible", context=4000)) as door,
    ):
        run = claude(version, Ask(url=door.url, place=tmp_path))

    assert run.text.startswith("Prompt is too long"), run.story
    assert run.result["terminal_reason"] == "prompt_too_long"
    assert upstream.requests == []
