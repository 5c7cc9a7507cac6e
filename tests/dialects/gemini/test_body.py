"""What is wished of an answer: limits, sampling, thinking, its shape; and the body of a token count."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from dragoman.canon.request import Extras, OutputShape, Reasoning, Sampling, Tool
from dragoman.dialects.gemini import DIALECT
from tests.dialects.gemini.stage import NEW, OLD, Json, asked, losses, read, strictly, target, user, write

SCHEMA = Raw(b'{"type":"object","properties":{"a":{"type":"integer","exclusiveMinimum":1}},"required":["a"]}')


def settings(**members: Any) -> tuple[Json, list[str]]:
    """The `generationConfig` and the losses of a request with these members."""
    habits = members.pop("habits", NEW)
    changes = members.pop("changes", {})
    body, written = write(asked(**members), habits, **changes)
    strictly(body)
    return body.get("generationConfig", {}), losses(written)


def test_nothing_wished_is_nothing_said() -> None:
    assert settings() == ({}, [])


def test_limits_and_sampling_are_said() -> None:
    found, lost = settings(
        max_output=100,
        sampling=Sampling(0.5, 0.9, 40, 7, 0.1, 0.2),
        stop=("a", "b", "a", ""),
    )
    assert found == {
        "maxOutputTokens": 100,
        "temperature": 0.5,
        "topP": 0.9,
        "topK": 40,
        "frequencyPenalty": 0.1,
        "presencePenalty": 0.2,
        "seed": 7,
        "stopSequences": ["a", "b"],
    }
    assert lost == []


def test_pitfall_014_the_output_is_limited_to_what_the_model_gives() -> None:
    assert settings(max_output=128_000) == ({"maxOutputTokens": 65_536}, ["max_output"])


def test_pitfall_015_sampling_is_left_out_where_it_is_refused() -> None:
    found, lost = settings(sampling=Sampling(temperature=1.0, top_k=3, seed=5), changes={"sampling_refused": True})
    assert (found, lost) == ({"seed": 5}, ["temperature", "top_k"])


def test_pitfall_011_stops_beyond_the_limit_are_enforced_here() -> None:
    body, written = write(asked(stop=tuple("abcdefg")))
    assert body["generationConfig"]["stopSequences"] == list("abcde")
    assert written.local_stops == ("f", "g")
    assert losses(written) == ["stop"]
    assert write(asked(stop=tuple("abcdefg")), stop_limit=None)[1].local_stops == ()


@pytest.mark.parametrize(
    ("reasoning", "changes", "expected", "lost"),
    [
        (Reasoning(), {}, None, []),
        (Reasoning(effort="high"), {}, {"thinkingLevel": "HIGH"}, []),
        (Reasoning("adaptive", effort="medium"), {}, {"thinkingLevel": "MEDIUM", "includeThoughts": True}, []),
        (Reasoning("adaptive", display="omitted"), {}, {}, []),
        (Reasoning("adaptive"), {}, {"includeThoughts": True}, []),
        (Reasoning(effort="low", display="summarized"), {}, {"thinkingLevel": "LOW", "includeThoughts": True}, []),
        (Reasoning(effort="xhigh"), {}, {"thinkingLevel": "HIGH"}, ["reasoning.effort"]),
        (Reasoning(effort="minimal"), {}, {"thinkingLevel": "LOW"}, ["reasoning.effort"]),
        (Reasoning(effort="minimal"), {"efforts": ("minimal", "low")}, {"thinkingLevel": "MINIMAL"}, []),
        (Reasoning(effort="newer"), {}, {"thinkingLevel": "HIGH"}, ["reasoning.effort"]),
        (
            Reasoning("on", 1000),
            {},
            {"thinkingLevel": "LOW", "includeThoughts": True},
            ["reasoning.budget", "reasoning.effort"],
        ),
        (Reasoning("on", 4096), {}, {"thinkingLevel": "LOW", "includeThoughts": True}, ["reasoning.budget"]),
        (Reasoning("on", 31_999), {}, {"thinkingLevel": "HIGH", "includeThoughts": True}, ["reasoning.budget"]),
        (Reasoning("off"), {}, {"thinkingLevel": "LOW"}, ["reasoning.mode"]),
        (Reasoning(effort="none"), {"efforts": ("minimal", "low")}, {"thinkingLevel": "MINIMAL"}, ["reasoning.mode"]),
        (Reasoning("off"), {"efforts": ("none",)}, {}, []),
        (Reasoning("on", effort="low"), {"efforts": ("none",)}, {"includeThoughts": True}, ["reasoning.effort"]),
        (Reasoning("on", 5000), {"effort": ""}, {"thinkingBudget": 5000, "includeThoughts": True}, []),
        (Reasoning("on", effort="low"), {"effort": ""}, {"thinkingLevel": "LOW", "includeThoughts": True}, []),
        (Reasoning("off"), {"effort": "thinking_budget"}, {"thinkingBudget": 0}, []),
        (Reasoning("adaptive"), {"effort": "thinking_budget"}, {"thinkingBudget": -1, "includeThoughts": True}, []),
        (Reasoning("on", 5000), {"effort": "thinking_budget"}, {"thinkingBudget": 5000, "includeThoughts": True}, []),
        (Reasoning(effort="low"), {"effort": "thinking_budget"}, {"thinkingBudget": 2048}, ["reasoning.effort"]),
        (Reasoning(effort="newer"), {"effort": "thinking_budget"}, {"thinkingBudget": -1}, ["reasoning.effort"]),
    ],
)
def test_pitfall_031_thinking_is_asked_for(
    reasoning: Reasoning, changes: dict[str, Any], expected: Json | None, lost: list[str]
) -> None:
    found, losses_found = settings(reasoning=reasoning, changes=changes)
    assert found.get("thinkingConfig") == (expected or None)
    assert losses_found == lost


def test_the_shape_of_an_answer_is_said() -> None:
    shape = OutputShape("json_schema", SCHEMA, "title", "words", True)
    found, lost = settings(output_shape=shape)
    assert found == {"responseMimeType": "application/json", "responseJsonSchema": json.loads(bytes(SCHEMA))}
    assert lost == ["output_shape.name", "output_shape.description", "output_shape.strict"]
    found, lost = settings(output_shape=OutputShape("json_schema", SCHEMA), habits=OLD)
    assert found["responseSchema"]["properties"]["a"] == {"type": "integer", "description": "(more than 1)"}
    assert lost == ["output_shape.schema.exclusiveMinimum"]
    assert settings(output_shape=OutputShape("json_object"))[0] == {"responseMimeType": "application/json"}
    assert settings(output_shape=OutputShape("json_schema"))[0] == {"responseMimeType": "application/json"}


def test_a_shape_that_cannot_stand_beside_tools_is_asked_for_in_words() -> None:
    body, written = write(asked(output_shape=OutputShape("json_schema", SCHEMA), tools=(Tool("Read"),)), OLD)
    assert "generationConfig" not in body
    assert "exclusiveMinimum" in body["systemInstruction"]["parts"][-1]["text"]
    assert losses(written) == ["output_shape"]
    body, _ = write(asked(output_shape=OutputShape("json_object")), output_shapes=("json_schema",))
    assert body["generationConfig"] == {"responseMimeType": "application/json"}
    assert body["systemInstruction"]["parts"] == [{"text": "Answer with one JSON object and nothing else."}]


@pytest.mark.parametrize(
    ("tier", "expected", "lost"),
    [("flex", "flex", []), ("default", "standard", []), ("auto", None, ["service_tier"]), (None, None, [])],
)
def test_the_service_tier_is_said(tier: str | None, expected: str | None, lost: list[str]) -> None:
    body, written = write(asked(service_tier=tier))
    assert body.get("serviceTier") == expected
    assert losses(written) == lost


def test_members_that_must_or_must_not_be_sent() -> None:
    request = asked(service_tier="flex", extras=Extras("tongue", {"novel": Raw(b"1")}))
    body, written = write(request, drop_members=("serviceTier", "absent"), extra_body={"store": False})
    assert ("serviceTier" in body, body["store"]) == (False, False)
    assert losses(written) == ["novel", "serviceTier"]


OWN: Json = {
    "systemInstruction": {"parts": [{"text": "you"}]},
    "contents": [{"role": "user", "parts": [{"text": "a"}]}],
    "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "OFF"}],
    "cachedContent": "cachedContents/x",
    "serviceTier": "priority",
    "labels": {"a": "b"},
    "generationConfig": {
        "temperature": 1.0,
        "topK": 64,
        "candidateCount": 1,
        "maxOutputTokens": 100,
        "stopSequences": list("abcdefg"),
        "responseMimeType": "text/x.enum",
        "responseSchema": {"type": "STRING", "enum": ["x"]},
        "thinkingConfig": {"includeThoughts": False, "thinkingBudget": 0, "novel": 1},
    },
}


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"thinkingConfig": {"includeThoughts": True, "thinkingBudget": -1}},
        {"thinkingConfig": {"thinkingBudget": 512}},
        {"thinkingConfig": {"thinkingLevel": "HIGH"}},
        {"responseMimeType": "application/json"},
        {"responseMimeType": "application/json", "responseSchema": None, "responseJsonSchema": {"type": "OBJECT"}},
        {"responseMimeType": "application/json", "responseSchema": None, "responseJsonSchema": {"type": "object"}},
        {"responseMimeType": "application/json", "responseSchema": None},
    ],
)
def test_what_a_client_of_this_wire_wishes_is_said_as_it_came(changes: Json) -> None:
    config = {name: value for name, value in (OWN["generationConfig"] | changes).items() if value is not None}
    wished = OWN | {"generationConfig": config}
    written = DIALECT.write_request(read(wished), target())
    assert json.loads(written.body) == wished
    assert written.losses == ()


def test_a_count_asks_for_the_prompt_alone() -> None:
    assert DIALECT.write_count is not None
    request = asked(user("a"), tools=(Tool("Read"),), max_output=5, service_tier="flex")
    body = json.loads(DIALECT.write_count(request, target()).body)["generateContentRequest"]
    assert sorted(body) == ["contents", "model", "tools"]
    assert body["model"] == "models/gemini-x"
    plain = json.loads(DIALECT.write_count(request, target(count_wrapped=False)).body)
    assert sorted(plain) == ["contents", "tools"]


@pytest.mark.parametrize(
    ("answer", "expected"),
    [(b'{"totalTokens": 7}', 7), (b'{"total_tokens": 8}', 8), (b"{}", None), (b"[]", None), (b"{", None)],
)
def test_a_count_is_read(answer: bytes, expected: int | None) -> None:
    assert DIALECT.read_count is not None
    assert DIALECT.read_count(answer) == expected
