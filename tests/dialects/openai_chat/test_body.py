"""The members of a body beside messages and tools."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.request import Extras, Loss, OutputShape, Reasoning, Sampling
from dragoman.dialects.openai_chat import DIALECT
from tests.dialects.openai_chat.wire import asked, losses, refusals, target, write

SCHEMA = Raw(b'{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}')


def test_pitfall_013_the_limit_has_the_upstream_s_member() -> None:
    assert write(asked(max_output=10))[0]["max_tokens"] == 10
    assert write(asked(max_output=10), max_output_member="max_completion_tokens")[0]["max_completion_tokens"] == 10
    assert "max_tokens" not in write(asked())[0]


def test_pitfall_014_a_limit_above_the_upstream_s_is_clamped() -> None:
    body, written = write(asked(max_output=128000), max_output_limit=8192)
    assert body["max_tokens"] == 8192
    assert losses(written) == ["max_output"]
    assert write(asked(max_output=100), max_output_limit=8192)[0]["max_tokens"] == 100


def test_pitfall_011_stop_sequences_beyond_the_limit_are_enforced_here() -> None:
    body, written = write(asked(stop=("a", "b", "", "a", "c", "d", "e")))
    assert body["stop"] == ["a", "b", "c", "d"]
    assert written.local_stops == ("e",)
    assert losses(written) == ["stop"]


def test_stop_sequences_may_be_unlimited_or_unknown() -> None:
    assert len(write(asked(stop=tuple("abcdef")), stop_limit=None)[0]["stop"]) == 6
    body, written = write(asked(stop=("a",)), stop_limit=0)
    assert "stop" not in body
    assert written.local_stops == ("a",)


def test_pitfall_015_sampling_is_not_sent_to_models_that_refuse_it() -> None:
    wished = Sampling(temperature=0.5, top_p=0.9, top_k=3, seed=7, frequency_penalty=0.1, presence_penalty=0.2)
    sent, _ = write(asked(sampling=wished), top_k=True)
    refused, written = write(asked(sampling=wished), sampling_refused=True, top_k=True)
    assert (sent["temperature"], sent["top_p"], sent["top_k"], sent["seed"]) == (0.5, 0.9, 3, 7)
    assert (sent["frequency_penalty"], sent["presence_penalty"]) == (0.1, 0.2)
    assert losses(written) == ["temperature", "top_p", "frequency_penalty", "presence_penalty", "top_k"]
    assert refused.keys() & {"temperature", "top_p", "top_k"} == set()


def test_pitfall_016_members_of_one_vendor_are_recorded_as_lost() -> None:
    _, written = write(asked(sampling=Sampling(top_k=3), service_tier="auto"))
    assert losses(written) == ["top_k", "service_tier"]


def test_pitfall_009_a_long_identity_is_sent_as_its_fingerprint() -> None:
    body, written = write(asked(user="u" * 65))
    again, _ = write(asked(user="u" * 65))
    assert len(body["user"]) == 64
    assert body["user"] == again["user"]
    assert losses(written) == ["user"]


def test_pitfall_010_an_identity_that_is_json_is_never_sent_raw() -> None:
    body, _ = write(asked(user='{"s":1}'), user_limit=512)
    assert body["user"].isalnum()


def test_a_short_identity_is_sent_as_it_is_or_not_at_all() -> None:
    assert write(asked(user="me"))[0]["user"] == "me"
    body, written = write(asked(user="me"), user_limit=0)
    assert "user" not in body
    assert losses(written) == ["user"]


def test_pitfall_111_usage_is_asked_for_in_a_stream() -> None:
    assert write(asked())[0]["stream_options"] == {"include_usage": True}
    assert "stream_options" not in write(asked(), stream_usage=False)[0]


def test_a_whole_answer_is_asked_for_without_a_stream() -> None:
    written = DIALECT.write_request(asked(), target(stream=False))
    assert json.loads(written.body).keys() == {"model", "messages"}


def test_what_could_not_be_read_stays_a_loss() -> None:
    assert losses(write(asked(losses=(Loss("x", "y"),)))[1]) == ["x"]


def test_members_can_be_forbidden_and_added() -> None:
    body, written = write(
        asked(max_output=3), drop_members=("max_tokens", "absent"), extra_body={"safe": True, "model": "other"}
    )
    assert "max_tokens" not in body
    assert (body["safe"], body["model"]) == (True, "other")
    assert losses(written) == ["max_tokens"]


def test_pitfall_053_servers_that_the_vendor_calls_are_refused() -> None:
    request = asked(extras=Extras("tongue", {"mcp_servers": Raw(b'[{"url":"https://a.b"}]')}))
    with pytest.raises(Trouble) as found:
        DIALECT.write_request(request, target())
    assert found.value.problem.kind is Kind.UNSUPPORTED
    assert losses(write(asked(extras=Extras("tongue", {"mcp_servers": Raw(b"[]")})))[1]) == ["mcp_servers"]


def test_pitfall_029_a_schema_is_held_to_where_possible() -> None:
    shape = OutputShape("json_schema", SCHEMA, description="d", strict=True)
    body, _ = write(asked(output_shape=shape))
    assert body["response_format"] == {
        "type": "json_schema",
        "json_schema": {"name": "answer", "description": "d", "schema": json.loads(bytes(SCHEMA)), "strict": True},
    }
    assert refusals(body) == []


def test_a_schema_s_name_is_fitted_as_tools_names_are() -> None:
    body, _ = write(asked(output_shape=OutputShape("json_schema", SCHEMA, name="a name")))
    assert body["response_format"]["json_schema"]["name"].startswith("a_name_")
    assert refusals(body) == []


@pytest.mark.parametrize(("forms", "left"), [(("json_object",), {"type": "json_object"}), ((), None)])
def test_a_schema_is_asked_for_in_words_where_it_cannot_be_held_to(forms: tuple[str, ...], left: Any) -> None:
    body, written = write(asked(output_shape=OutputShape("json_schema", SCHEMA)), output_shapes=forms)
    assert body.get("response_format") == left
    assert body["messages"][0]["role"] == "system"
    assert bytes(SCHEMA).decode() in body["messages"][0]["content"]
    assert losses(written) == ["output_shape"]


def test_a_json_object_is_asked_for_by_member_or_in_words() -> None:
    body, _ = write(asked(output_shape=OutputShape("json_object")))
    told, _ = write(asked(output_shape=OutputShape("json_object")), output_shapes=())
    assert body["response_format"] == {"type": "json_object"}
    assert "JSON object" in told["messages"][0]["content"]


EFFORTS = [
    (Reasoning(effort="high"), {}, "high", []),
    (Reasoning(effort="xhigh"), {}, "high", ["reasoning.effort"]),
    (Reasoning(effort="minimal"), {}, "low", ["reasoning.effort"]),
    (Reasoning(effort="max"), {"efforts": ("none", "high", "max")}, "max", []),
    (Reasoning(effort="low"), {"efforts": ("none", "high", "max")}, "high", ["reasoning.effort"]),
    (Reasoning(effort="colossal"), {}, "high", ["reasoning.effort"]),
    (Reasoning(effort="low"), {"efforts": ("none",)}, None, ["reasoning.effort"]),
    (Reasoning(mode="adaptive", effort="medium"), {}, "medium", []),
    (Reasoning(mode="adaptive"), {}, None, []),
    (Reasoning(mode="on", budget=2000), {}, "low", ["reasoning.budget"]),
    (Reasoning(mode="on", budget=10000), {}, "medium", ["reasoning.budget"]),
    (Reasoning(mode="on", budget=31999), {}, "high", ["reasoning.budget"]),
    (Reasoning(mode="off"), {"efforts": ("none", "low")}, "none", []),
    (Reasoning(mode="off", effort="high"), {"efforts": ("minimal", "low")}, "minimal", ["reasoning.mode"]),
    (Reasoning(mode="off"), {}, None, ["reasoning.mode"]),
    (Reasoning(effort="none"), {"efforts": ("none", "low")}, "none", []),
]


@pytest.mark.parametrize(("wish", "habits", "word", "lost"), EFFORTS)
def test_pitfall_031_effort_becomes_the_nearest_known_word(
    wish: Reasoning, habits: dict[str, Any], word: str | None, lost: list[str]
) -> None:
    body, written = write(asked(reasoning=wish), effort="reasoning_effort", **habits)
    assert body.get("reasoning_effort") == word
    assert losses(written) == lost


@pytest.mark.parametrize(
    ("wish", "style", "told"),
    [
        (Reasoning(effort="high"), "reasoning", {"reasoning": {"effort": "high"}}),
        (Reasoning(mode="on", budget=5000), "reasoning", {"reasoning": {"max_tokens": 5000}}),
        (Reasoning(mode="adaptive"), "reasoning", {"reasoning": {"enabled": True}}),
        (Reasoning(mode="off"), "reasoning", {"reasoning": {"enabled": False}}),
        (Reasoning(mode="adaptive"), "thinking", {"thinking": {"type": "enabled"}}),
        (Reasoning(mode="off", effort="high"), "thinking", {"thinking": {"type": "disabled"}}),
        (Reasoning(mode="on", budget=5000), "enable_thinking", {"enable_thinking": True, "thinking_budget": 5000}),
        (Reasoning(mode="adaptive"), "enable_thinking", {"enable_thinking": True}),
        (Reasoning(effort="none"), "enable_thinking", {"enable_thinking": False}),
    ],
)
def test_effort_in_the_words_of_each_kind_of_upstream(wish: Reasoning, style: str, told: dict[str, Any]) -> None:
    body, written = write(asked(reasoning=wish), effort=style)
    assert {name: body[name] for name in body if name not in ("model", "messages", "stream", "stream_options")} == told
    assert losses(written) == []


@pytest.mark.parametrize("style", ["thinking", "enable_thinking"])
def test_how_much_to_think_is_lost_where_only_whether_can_be_told(style: str) -> None:
    _, written = write(asked(reasoning=Reasoning(effort="high")), effort=style)
    assert losses(written) == ["reasoning.effort"]


def test_a_budget_is_lost_where_only_whether_can_be_told() -> None:
    assert losses(write(asked(reasoning=Reasoning(mode="on", budget=1)), effort="thinking")[1]) == ["reasoning.budget"]


def test_pitfall_032_effort_is_told_beside_the_switch_only_while_it_is_on() -> None:
    on, _ = write(asked(reasoning=Reasoning(mode="on", effort="max")), effort="thinking", efforts=("high", "max"))
    off, _ = write(asked(reasoning=Reasoning(mode="off", effort="max")), effort="thinking", efforts=("high", "max"))
    assert (on["thinking"], on["reasoning_effort"]) == ({"type": "enabled"}, "max")
    assert "reasoning_effort" not in off


def test_effort_that_cannot_be_told_is_a_loss() -> None:
    body, written = write(asked(reasoning=Reasoning(effort="high", display="omitted")))
    assert "reasoning_effort" not in body
    assert losses(written) == ["reasoning.display", "reasoning"]
