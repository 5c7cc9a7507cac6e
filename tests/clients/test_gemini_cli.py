"""What Gemini CLI does of its own: it dies of signs of life within a stream, and asks a small model which to ask."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.clients.agents import GEMINI_CLI, Wish
from tests.clients.conftest import Start
from tests.clients.gateway import gateway
from tests.clients.task import ANSWERS, PRINTED, PROMPT, task
from tests.clients.upstreams import channel, model_of, reached, standing
from tests.standin import Ask, Reply, said

pytestmark = pytest.mark.slow

SILENT_S = 17.0
"""Longer than a client of any other wire waits for a sign of life."""
SMALL, LARGE = "gemini-3.5-flash-lite", "gemini-3.1-pro-preview-customtools"
"""The models that its choice `auto` means (0.61.0)."""


def test_a_slow_model_is_waited_for_without_a_sign_of_life(start: Start, tmp_path: Path) -> None:
    with reached(tmp_path / "gateway", "anthropic") as door:
        wish = Wish(place=tmp_path, url=door.url, model=model_of("anthropic"), prompt=PROMPT)
        door.upstream.responder = task(wish.work)
        door.upstream.fault("F59", wait_s=SILENT_S)
        ended = start(GEMINI_CLI, wish)

    assert (ended.exit_code, ended.told.failed) == (0, False), ended.story
    assert ended.told.text.endswith(PRINTED), ended.story
    assert len(door.upstream.requests) == ANSWERS


def test_it_may_choose_among_models_by_itself(start: Start, tmp_path: Path) -> None:
    asked: list[str] = []
    wish = Wish(place=tmp_path, url="", model="auto", prompt=PROMPT)

    def respond(ask: Ask) -> Reply:
        asked.append(ask.model)
        rating = {"complexity_reasoning": "A small task.", "complexity_score": 90}
        return said(json.dumps(rating)) if ask.schema is not None else task(wish.work)(ask)

    with standing("openai_chat", SMALL, respond) as small, standing("openai_chat", LARGE, respond) as large:
        channels = (channel("openai_chat", small.url, SMALL), channel("openai_chat", large.url, LARGE, "large"))
        with gateway(tmp_path / "gateway", *channels, in_turn=False) as door:
            ended = start(GEMINI_CLI, Wish(place=tmp_path, url=door.url, model="auto", prompt=PROMPT))

    assert (ended.exit_code, ended.told.failed) == (0, False), ended.story
    assert ended.told.text.endswith(PRINTED), ended.story
    assert asked == [SMALL, *[LARGE] * ANSWERS]
    assert [seen.refused for seen in (*small.requests, *large.requests) if seen.refused] == []
