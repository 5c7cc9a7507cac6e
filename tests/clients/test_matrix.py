"""Every client on every upstream: the same task is done, by calls and results, without a refusal and without a retry.

One gateway serves a whole module of cells, with a channel for each upstream, told by the model's name.
"""

from __future__ import annotations

import base64
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec import Struct

from tests.clients.agents import AGENTS, Agent, Ended, Wish
from tests.clients.conftest import Start
from tests.clients.gateway import Upstream, gateway
from tests.clients.sdks import SDKS, Sdk
from tests.clients.task import ANSWERS, FILE, PRINTED, PROGRAM, PROMPT, task
from tests.standin import Dialect, Rules, StandIn

CLIENTS: dict[str, Agent | Sdk] = {**AGENTS, **SDKS}

KEY = "key-of-the-gateway"
GIGACHAT_KEY = base64.b64encode(b"client:secret").decode()


class Row(Struct, frozen=True):
    """How the vendor of one dialect is stood in for and reached."""

    provider: str
    path: str = ""
    """Behind the address, as the vendor's own SDK is given it."""
    key: str = KEY
    rules: Rules = Rules()
    settings: tuple[tuple[str, str], ...] = ()
    """More keys of the channel; `$url` stands for the address."""
    answers: int = ANSWERS


UPSTREAMS: dict[Dialect, Row] = {
    "anthropic": Row("anthropic"),
    # A kit for compatible servers sends back the thinking that it got, as those want it.
    "openai_chat": Row("openai-compatible", "/v1", rules=Rules(allow=frozenset({"messages.reasoning_content"}))),
    "openai_responses": Row("openai-responses", "/v1"),
    "gemini": Row("gemini"),
    "gigachat": Row(
        "gigachat",
        "/api/v1",
        GIGACHAT_KEY,
        Rules(allow=frozenset({"json_schema"})),
        (("options.auth_url", "$url/api/v2/oauth"),),
        ANSWERS + 1,  # a message holds one call
    ),
}


def model_of(dialect: Dialect) -> str:
    """The model that leads to an upstream."""
    return f"standin-{dialect}"


class Stage(Struct, frozen=True):
    """The gateway, and the upstreams behind it."""

    url: str
    upstreams: dict[Dialect, StandIn]


@pytest.fixture(scope="module")
def stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    upstreams: dict[Dialect, StandIn] = {
        dialect: StandIn(dialects=(dialect,), api_key=row.key, models=(model_of(dialect),), rules=row.rules)
        for dialect, row in UPSTREAMS.items()
    }
    for upstream in upstreams.values():
        upstream.__enter__()
    channels = [channel(dialect, upstream.url) for dialect, upstream in upstreams.items()]
    with gateway(tmp_path_factory.mktemp("gateway"), *channels, in_turn=False) as door:
        yield Stage(door.url, upstreams)
    for upstream in upstreams.values():
        upstream.__exit__(None, None, None)


def channel(dialect: Dialect, url: str) -> Upstream:
    """The channel for an upstream."""
    row = UPSTREAMS[dialect]
    settings = {"base_url": url + row.path, "api_key": row.key, **dict(row.settings)}
    return Upstream(
        url=url,
        provider=row.provider,
        name=dialect,
        models=(model_of(dialect),),
        settings=tuple((name, value.replace("$url", url)) for name, value in settings.items()),
    )


QUICK = {("claude", "openai_responses"), ("gemini", "anthropic"), ("opencode-google", "openai_chat")}
"""Cells for every push; SDKs at their newest release have one each."""
QUICK |= {("anthropic", "gigachat"), ("genai", "openai_chat"), ("chat", "gemini")}


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
