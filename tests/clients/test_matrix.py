"""Every client on every upstream: the same task is done, by calls and results, without a refusal and without a retry.

One gateway serves a whole module of cells, with a channel for each upstream, told by the model's name.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.clients.agents import AGENTS, Agent, Ended, Wish
from tests.clients.conftest import Start
from tests.clients.sdks import SDKS, Sdk
from tests.clients.task import FILE, PRINTED, PROGRAM, PROMPT, task
from tests.clients.upstreams import UPSTREAMS, Stage, everywhere, model_of
from tests.standin import Dialect

CLIENTS: dict[str, Agent | Sdk] = {**AGENTS, **SDKS}


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with everywhere(tmp_path_factory.mktemp("gateway")) as opened:
        yield opened


QUICK = {
    ("claude", "openai_responses"),
    ("codex", "openai_chat"),
    ("gemini", "anthropic"),
    ("opencode-openai", "gemini"),
}
"""Cells for every push; SDKs at their newest release have one each."""
QUICK |= {("anthropic", "gigachat"), ("responses", "anthropic"), ("genai", "openai_chat"), ("chat", "gemini")}


def cells() -> Iterator[Any]:
    for client in CLIENTS:
        for dialect in UPSTREAMS:
            marks = () if (client, dialect) in QUICK else (pytest.mark.slow,)
            yield pytest.param(client, dialect, id=f"{client}-{dialect}", marks=marks)


@pytest.mark.parametrize(("client", "dialect"), [*cells()])
def test_the_task_is_done(start: Start, stage: Stage, tmp_path: Path, client: str, dialect: Dialect) -> None:
    upstream = stage.upstreams[dialect]
    upstream.forget()
    wish = Wish(place=tmp_path, url=stage.url, model=model_of(dialect), prompt=PROMPT)
    upstream.responder = task(wish.work)

    ended = start(CLIENTS[client], wish)

    claim_done(ended, wish)
    assert [seen.refused for seen in upstream.requests if seen.refused] == []
    assert {seen.answered for seen in upstream.requests} == {"reply"}
    working = [seen for seen in upstream.requests if seen.body.get("tools") or seen.body.get("functions")]
    assert len(working) == UPSTREAMS[dialect].answers, ended.story
    assert upstream.wait(lambda vendor: all(seen.ended for seen in vendor.requests))


def claim_done(ended: Ended, wish: Wish) -> None:
    """The program is written, was run and read, and what it printed was told."""
    assert (ended.exit_code, ended.told.failed, ended.overdue) == (0, False, False), ended.story
    assert (wish.work / FILE).read_text() == PROGRAM
    assert len(ended.told.calls) == 3, ended.story
    assert ended.told.text == f"Done ✓. It printed: {PRINTED}", ended.story
