"""The measure of the matrix: without a gateway, each agent and SDK does the task on the vendor of its own dialect."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.clients.agents import AGENTS, Agent, Wish
from tests.clients.conftest import Start
from tests.clients.sdks import SDKS, Sdk
from tests.clients.task import ANSWERS, FILE, PRINTED, PROGRAM, PROMPT, task
from tests.standin import Rules, StandIn

pytestmark = pytest.mark.slow

MODEL = "standin-large"
ECHOED = Rules(allow=frozenset({"messages.reasoning_content"}))
"""A kit for compatible servers sends back the thinking that it got, which OpenAI itself neither gives nor takes."""


CLIENTS: dict[str, Agent | Sdk] = {**AGENTS, **SDKS}


@pytest.mark.parametrize("name", CLIENTS)
def test_the_task_is_done(start: Start, tmp_path: Path, name: str) -> None:
    client = CLIENTS[name]
    wish = Wish(place=tmp_path, url="", model=MODEL, prompt=PROMPT)
    with StandIn(task(wish.work), dialects=(client.door,), models=(MODEL,), rules=ECHOED) as upstream:
        ended = start(client, Wish(place=tmp_path, url=upstream.url, model=MODEL, prompt=PROMPT))

    assert (ended.exit_code, ended.told.failed, ended.overdue) == (0, False, False), ended.story
    assert ended.told.text == f"Done ✓. It printed: {PRINTED}", ended.story
    assert (wish.work / FILE).read_text() == PROGRAM
    assert [seen.refused for seen in upstream.requests if seen.refused] == []
    assert sum(bool(seen.body.get("tools")) for seen in upstream.requests) == ANSWERS, ended.story
