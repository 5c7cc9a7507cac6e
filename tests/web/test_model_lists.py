"""The list of models for each client: pages, cards, and only what its key may ask for. Vendors' SDKs read it."""

from __future__ import annotations

import asyncio
import json
from contextlib import suppress
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest
from google import genai
from google.genai import errors, types
from hypothesis import given
from hypothesis import strategies as st

from dragoman.canon.problem import Trouble
from dragoman.routing.cards import ModelCard
from dragoman.web.pages import page_after, page_by_token
from tests.admin.stage import Visitor, house
from tests.admin.test_transfer import settled
from tests.faults.gateway import Served, channel
from tests.web.stage import ask

NOWHERE = "http://127.0.0.1:1"
MANY = tuple(f"vendor/claude-{number}" for number in range(7))
ANTHROPIC = {"anthropic-version": "2023-06-01"}
GOOGLE = {"x-goog-api-key": "mine"}


@pytest.fixture
def listed(served: Served) -> Served:
    """A gateway that offers eight names."""
    served.stand(channel("first", "openai_chat", NOWHERE, models=MANY))
    return served


def test_anthropics_sdk_turns_the_pages(listed: Served) -> None:
    with anthropic.Anthropic(base_url=listed.url, api_key="key") as client:
        for limit in (1, 3, 8, 1000):
            found = list(client.models.list(limit=limit))
            assert [model.id for model in found] == ["claude-asked", *MANY]
        back = client.models.list(limit=2, before_id=MANY[2])
        assert [model.id for model in back.data] == list(MANY[:2])
        assert [model.id for model in back] == [*MANY[:2], "claude-asked"]
        assert client.models.list(lifecycle=["retired", "deprecated"]).data == []
        assert len(client.models.list(lifecycle=["retired", "active"]).data) == 8
        one = client.models.retrieve("claude-asked")
        assert (one.type, one.lifecycle, one.created_at.year) == ("model", "active", 2026)
        assert client.models.retrieve(MANY[0]).id == MANY[0]
        with pytest.raises(anthropic.BadRequestError):
            client.models.list(after_id="gone")
        with pytest.raises(anthropic.NotFoundError):
            client.models.retrieve("gone")


def test_googles_sdk_turns_the_pages(listed: Served) -> None:
    for version in (None, "v1beta"):
        options = types.HttpOptions(base_url=listed.url, api_version=version)
        with genai.Client(api_key="key", http_options=options) as client:
            for size in (1, 3, 8, 1000, None):
                config = types.ListModelsConfig(page_size=size)
                found = [model.name for model in client.models.list(config=config)]
                assert found == [f"models/{name}" for name in ("claude-asked", *MANY)]
            one = client.models.get(model=f"models/{MANY[0]}")
            assert one.name == f"models/{MANY[0]}"
            assert "generateContent" in (one.supported_actions or ())
            with pytest.raises(errors.ClientError):
                client.models.list(config=types.ListModelsConfig(page_token="gone"))


def test_openais_sdk_reads_the_list(listed: Served) -> None:
    with openai.OpenAI(base_url=f"{listed.url}/v1", api_key="key") as client:
        assert [model.id for model in client.models.list()] == ["claude-asked", *MANY]
        assert client.models.retrieve(MANY[3]).id == MANY[3]


IDS = st.lists(st.text(min_size=1, max_size=3), max_size=9, unique=True)


@given(IDS, st.integers(1, 12))
def test_pages_give_each_entry_once_and_in_order(ids: list[str], size: int) -> None:
    forth, query = [], {"limit": str(size)}
    while (page := page_after(ids, query)).more or page.end > page.start:
        forth += ids[page.start : page.end]
        if not page.more:
            break
        query["after_id"] = ids[page.end - 1]
    assert forth == ids

    back: list[str] = []
    query = {"limit": str(size), "before_id": ids[-1]} if ids else {}
    while ids:
        page = page_after(ids, query)
        back[:0] = ids[page.start : page.end]
        if not page.more:
            break
        query["before_id"] = ids[page.start]
    assert back == ids[:-1]

    by_token: list[str] = []
    query = {"pageSize": str(size)}
    while True:
        page = page_by_token(ids, query)
        by_token += ids[page.start : page.end]
        if not page.token:
            break
        query["pageToken"] = page.token
    assert by_token == ids


@given(st.text(max_size=30))
def test_no_size_and_no_token_breaks_a_page(noise: str) -> None:
    for name, page_of in (("limit", page_after), ("pageSize", page_by_token), ("pageToken", page_by_token)):
        with suppress(Trouble):
            page = page_of(["a", "b"], {name: noise})
            assert 0 <= page.start <= page.end <= 2


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        ("/v1/models?limit=0", ANTHROPIC),
        ("/v1/models?limit=1001", ANTHROPIC),
        ("/v1/models?limit=x", ANTHROPIC),
        ("/v1/models?after_id=a&before_id=b", ANTHROPIC),
        ("/v1beta/models?pageSize=-1", GOOGLE),
        ("/v1beta/models?pageToken=%00", GOOGLE),
        ("/v1/models?include=smell", {}),
    ],
)
def test_what_is_no_page_is_refused_in_the_clients_dialect(listed: Served, path: str, headers: dict[str, str]) -> None:
    answer = ask(listed, path, None, headers, "GET")

    assert answer.status == 400
    assert "error" in answer.json


def test_claude_codes_own_question_is_answered_on_one_page(listed: Served) -> None:
    answer = ask(listed, "/v1/models?limit=1000", None, ANTHROPIC, "GET").json

    assert (answer["has_more"], answer["first_id"], answer["last_id"]) == (False, "claude-asked", MANY[-1])


def test_a_picker_is_offered_only_what_can_talk(served: Served) -> None:
    cards = (ModelCard(name="embed*", type="embedding"), ModelCard(name="small", type="chat", released="2025-02"))
    served.stand(channel("first", "openai_chat", NOWHERE, models=("embed-1", "small"), cards=cards))

    picker = ask(served, "/v1/models", None, ANTHROPIC, "GET").json["data"]
    assert [entry["id"] for entry in picker] == ["claude-asked", "small", "claude-via-small"]
    assert picker[1]["created_at"] == "2025-02-01T00:00:00Z"
    google = ask(served, "/v1beta/models", None, GOOGLE, "GET").json["models"]
    assert google[1]["supportedGenerationMethods"] == ["embedContent", "batchEmbedContents"]
    assert [entry["id"] for entry in ask(served, "/v1/models", None, {}, "GET").json["data"]][1:] == [
        "embed-1", "small"
    ]  # fmt: skip


def test_cards_and_prices_are_told_where_they_are_asked_for(served: Served) -> None:
    cards = (
        ModelCard(
            name="gpt-5.5", title="The Big One", group="g", icon="star", takes=("text", "image"), gives=("text",),
            reasoning=True, tools=True, knowledge="2026-01", released="2026-02-03", max_output=5,
        ),
    )  # fmt: skip
    served.stand(
        channel("first", "openai_chat", NOWHERE, provider="openai", models=("gpt-5.5", "nobodys"), cards=cards)
    )

    plain = ask(served, "/v1/models", None, {}, "GET").json["data"][1]
    assert plain == {"id": "gpt-5.5", "object": "model", "created": 1770076800, "owned_by": "dragoman"}
    full = ask(served, "/v1/models?include=all", None, {}, "GET").json["data"]
    price = full[1].pop("pricing")
    assert (price["currency"], set(price) >= {"input", "output"}) == ("USD", True)
    assert full[1] == plain | {
        "name": "The Big One", "developer": "openai", "group": "g", "icon": "star", "context_length": 1000000,
        "max_output_tokens": 5, "modalities": {"input": ["text", "image"], "output": ["text"]},
        "capabilities": {"reasoning": True, "tools": True, "vision": True}, "knowledge": "2026-01",
        "released": "2026-02-03",
    }  # fmt: skip
    assert full[2] == {
        "id": "nobodys", "object": "model", "created": 1767225600, "owned_by": "dragoman", "name": "nobodys (first)"
    }, "nothing is invented of what nobody knows"  # fmt: skip
    for query in ("include=group,%20icon", "include[]=group&include[]=icon"):
        some = ask(served, f"/v1/models?{query}", None, {}, "GET").json["data"][1]
        assert some == plain | {"group": "g", "icon": "star"}


CHANNELS = (
    {"name": "a", "provider": "openai", "api_key": "k", "models": ["m", "gpt-1"], "aliases": {"fast": "m"}},
    {"name": "b", "provider": "anthropic", "api_key": "k", "models": ["claude-x"], "listed": "none"},
)
PROFILE = {
    "name": "p",
    "channels": ["b"],
    "rules": [{"model": "big", "targets": [{"channel": "b", "model": "claude-x"}]}],
}
KEYS: dict[str, tuple[dict[str, Any], list[str], set[str]]] = {
    "all": ({}, ["m", "gpt-1", "fast"], {"claude-x", "a/m"}),
    "some": ({"models": ["gpt-*", "claude-x", "gone"]}, ["gpt-1", "claude-x"], set()),
    "other door": ({"doors": ["gemini"]}, [], set()),
    "profile": ({"profiles": ["p"], "profile": "p"}, ["big"], {"claude-x"}),
}
"""By name: a key, what is listed to it, and what it may ask for all the same."""


def test_each_key_sees_and_finds_only_what_it_may_ask_for(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            for path, specs in (("channels", CHANNELS), ("profiles", (PROFILE,))):
                for spec in specs:
                    told = await admin.ask("POST", f"/api/v1/{path}", {"spec": spec})
                    assert told.status == 201, told.body
                    await settled(place)
            for name, (spec, names, hidden) in KEYS.items():
                made = await admin.ask("POST", "/api/v1/keys", {"spec": {"name": name, **spec}})
                assert made.status == 201, made.body
                await settled(place)
                client = place.visitor()
                assert await ids(client, made.json["text"]) == names
                for one in {"m", "big", "claude-x", "a/m"}:
                    found = await look(client, made.json["text"], f"/v1/models/{one}")
                    assert found == (200 if one in {*names, *hidden} else 404), (name, one)
            assert await look(place.visitor(), "wrong", "/v1/models") == 401

    asyncio.run(scene())


async def ids(client: Visitor, key: str) -> list[str]:
    """The names that a key is shown."""
    told = await client.ask("GET", "/v1/models", headers={"authorization": f"Bearer {key}"})
    return [entry["id"] for entry in json.loads(told.body)["data"]]


async def look(client: Visitor, key: str, path: str) -> int:
    """The status of an answer."""
    return (await client.ask("GET", path, headers={"authorization": f"Bearer {key}"})).status
