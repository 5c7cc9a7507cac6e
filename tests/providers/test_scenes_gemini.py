"""What a coding agent's turn becomes for each generation of Gemini's models: what the vendor documents, no more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Struct

from dragoman.canon.request import Loss, Reasoning, Request, Sampling, Text, Turn
from dragoman.dialects.anthropic.request import read_request
from dragoman.dialects.base import Target, Written
from dragoman.dialects.gemini import DIALECT
from dragoman.providers.catalog import catalog
from dragoman.providers.quirks import fit
from tests.providers.coding import ACCOUNT, turn
from tests.providers.documented import documented
from tests.standin.check_gemini import check_gemini
from tests.standin.reply import Signer
from tests.standin.rules import Rules

Json = dict[str, Any]
ROWS = catalog()
OFF: Json = {"thinking": {"type": "disabled"}, "output_config": None}
BUDGET: Json = {"thinking": {"type": "enabled", "budget_tokens": 31_999}, "output_config": None}
SEARCH: Json = {
    "tools": [
        {"name": "Bash", "input_schema": {"type": "object", "properties": {"$x": {"type": "string"}}}},
        {"type": "web_search_20250305", "name": "web_search"},
    ]
}


class Model(Struct, frozen=True, kw_only=True):
    """What one model takes."""

    name: str
    thinks: Json | None
    """Its `thinkingConfig` for an agent's wish for much thinking."""
    off: Json | None
    """The same for a wish for none."""
    budget: Json | None
    signed: bool = True
    """Whether it demands signatures."""
    mixed: bool = True
    sampling: tuple[str, ...] = ("temperature", "topP", "topK")
    """Members of sampling that it takes."""
    most: int = 65_536


def level(word: str) -> Json:
    return {"thinkingLevel": word, "includeThoughts": True}


NOT_LESS = {"thinkingLevel": "LOW"}
MODELS = (
    Model(name="gemini-4-argon", thinks=level("HIGH"), off=NOT_LESS, budget=level("HIGH"), sampling=()),
    Model(name="gemini-3.8-flash", thinks=level("HIGH"), off=NOT_LESS, budget=level("HIGH"), sampling=()),
    Model(name="gemini-3.1-pro-preview", thinks=level("HIGH"), off=NOT_LESS, budget=level("HIGH")),
    Model(name="gemini-3-pro-preview", thinks=level("HIGH"), off=NOT_LESS, budget=level("HIGH")),
    Model(name="gemini-3.5-flash", thinks=level("HIGH"), off={"thinkingLevel": "MINIMAL"}, budget=level("HIGH")),
    Model(
        name="gemini-2.5-pro",
        thinks={"thinkingBudget": 24_576, "includeThoughts": True},
        off={"thinkingBudget": 128, "includeThoughts": True},
        budget={"thinkingBudget": 31_999, "includeThoughts": True},
        signed=False,
        mixed=False,
    ),
    Model(
        name="gemini-2.5-flash",
        thinks={"thinkingBudget": 24_576, "includeThoughts": True},
        off={"thinkingBudget": 0},
        budget={"thinkingBudget": 24_576, "includeThoughts": True},
        signed=False,
        mixed=False,
    ),
    Model(
        name="gemini-2.0-flash",
        thinks=None,
        off=None,
        budget=None,
        signed=False,
        mixed=False,
        most=8192,
    ),
)
BY_NAME = {model.name: model for model in MODELS}


def written(model: str, changes: Json, row: str = "gemini") -> tuple[Json, Written]:
    """The body for the row's upstream, and what is told beside it."""
    return _written(read_request(turn(**changes)), model, row)


def _written(request: Request, model: str, row: str = "gemini") -> tuple[Json, Written]:
    provider = ROWS[row]
    card = documented(provider, model)
    wish = fit(provider, request, model, max_output=card.max_output if card else None)
    target = Target(model=model, origin=ACCOUNT, native=provider.native, stream=True, habits=wish.habits)
    told = DIALECT.write_request(wish.request, target)
    losses = (*wish.losses, *told.losses)
    return json.loads(told.body), Written(told.body, losses, told.names, told.local_stops, lowered=told.lowered)


@pytest.mark.parametrize("changes", [{}, OFF, BUDGET, SEARCH], ids=["much", "off", "budget", "search"])
@pytest.mark.parametrize("name", BY_NAME)
def test_the_vendor_takes_an_agent_s_turn(name: str, changes: Json) -> None:
    model = BY_NAME[name]
    body, _ = written(name, changes)
    marks = [part for content in body["contents"] for part in content["parts"] if "thoughtSignature" in part]
    assert bool(marks) == model.signed
    if not model.signed:
        calls = [part for content in body["contents"] for part in content["parts"] if "functionCall" in part]
        calls[0]["thoughtSignature"] = "skip_thought_signature_validator"
    check_gemini(body, Rules(), Signer())
    assert body["generationConfig"]["maxOutputTokens"] == model.most
    assert {"googleSearch": {}} not in body["tools"] or model.mixed


@pytest.mark.parametrize("name", BY_NAME)
def test_thinking_is_asked_for_in_the_model_s_own_way(name: str) -> None:
    model = BY_NAME[name]
    for changes, expected in (({}, model.thinks), (OFF, model.off), (BUDGET, model.budget)):
        body, _ = written(name, changes)
        assert body["generationConfig"].get("thinkingConfig") == expected


@pytest.mark.parametrize("name", BY_NAME)
def test_sampling_that_a_model_passes_over_is_not_sent(name: str) -> None:
    sampling = Sampling(temperature=0.5, top_p=0.9, top_k=5, frequency_penalty=0.1)
    request = Request(dialect="tongue", model="m", turns=(Turn("user", (Text("a"),)),), sampling=sampling)
    settings = _written(request, name)[0].get("generationConfig", {})
    expected = {*BY_NAME[name].sampling, *(["frequencyPenalty"] if name == "gemini-2.0-flash" else [])}
    assert settings.keys() == expected


def test_a_thinking_budget_below_the_least_is_raised() -> None:
    changes = {"thinking": {"type": "enabled", "budget_tokens": 100}, "output_config": None}
    body, told = written("gemini-2.5-flash-lite", changes)
    assert body["generationConfig"]["thinkingConfig"]["thinkingBudget"] == 512
    assert "reasoning.budget" in [loss.what for loss in told.losses]


def test_a_model_that_does_not_think_is_told_so() -> None:
    _, told = written("gemini-2.0-flash", {})
    assert Loss("reasoning", "The model does not think.", "dropped") in told.losses
    assert "reasoning" not in [loss.what for loss in written("gemini-2.0-flash", OFF)[1].losses]
    request = Request(dialect="tongue", model="m", turns=(Turn("user", (Text("a"),)),), reasoning=Reasoning())
    assert _written(request, "gemma-3-27b-it")[1].losses == ()


@pytest.mark.parametrize(
    ("name", "goes_on"),
    [
        ("gemini-2.5-pro", True),
        ("gemini-3.1-pro-preview", True),
        ("gemini-3.5-flash", True),
        ("gemini-3.5-flash-lite", False),
        ("gemini-3.8-flash", False),
        ("gemini-flash-latest", False),
    ],
)
def test_pitfall_017_an_answer_begun_is_left_to_models_that_go_on_with_it(name: str, goes_on: bool) -> None:
    turns = Turn("user", (Text("a"),)), Turn("assistant", (Text("{"),))
    contents = _written(Request(dialect="tongue", model="m", turns=turns), name)[0]["contents"]
    assert (contents[-1]["role"] == "model") == goes_on


def test_schemas_are_lowered_for_models_that_take_no_json_schema() -> None:
    body, told = written("gemini-2.0-flash", SEARCH)
    (declared,) = body["tools"][0]["functionDeclarations"]
    assert "parametersJsonSchema" not in declared
    assert told.lowered["Bash"].renames
    assert "parametersJsonSchema" in written("gemini-2.5-pro", SEARCH)[0]["tools"][0]["functionDeclarations"][0]


def test_a_compatible_server_is_asked_like_the_vendor() -> None:
    assert written("gemini-3.8-flash", {}, "gemini-compatible")[0].keys() == written("gemini-3.8-flash", {})[0].keys()


@pytest.mark.parametrize("name", BY_NAME)
def test_vertex_is_sent_nothing_that_its_sdk_refuses(name: str) -> None:
    body, told = written(name, SEARCH, "vertex")
    assert "toolConfig" not in body
    assert "google_search" not in json.dumps(body)
    assert any("search" in loss.what for loss in told.losses), told.losses
    refused = ("toolCall", "toolResponse", "partMetadata", "includeServerSideToolInvocations")
    assert not [name for name in refused if f'"{name}"' in json.dumps(body)]
