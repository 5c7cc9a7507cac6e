"""The door of Gemini's dialect: what its addresses say, in which form it answers, and who may come in."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.faults.gateway import KEY, MODEL, Served, channel
from tests.faults.vendor import Vendor
from tests.standin import EVERY_KIND, Reply, StandIn, Text, said
from tests.web.stage import ASKED, ask, before

PROMPT: dict[str, Any] = {"contents": [{"role": "user", "parts": [{"text": "Hello"}]}]}
WIRES = ("anthropic", "openai_chat", "gemini")
PLACES = (
    "/v1beta/models",
    "/v1/models",
    "/v1alpha/models",
    "/gemini/v1beta/models",
    "/gemini/v1/models",
    "/v1beta1/publishers/google/models",
    "/v1beta1/projects/p-1/locations/europe-west4/publishers/google/models",
)


def texts(chunks: list[Any]) -> str:
    """The words of an answer that are no thoughts."""
    parts = [part for chunk in chunks for one in chunk.get("candidates", ()) for part in one["content"]["parts"]]
    return "".join(part.get("text", "") for part in parts if not part.get("thought"))


def frames(body: bytes) -> list[Any]:
    """The chunks of a stream of server-sent events."""
    assert body.endswith(b"\n\n")
    return [json.loads(each.removeprefix(b"data: ")) for each in body.strip().split(b"\n\n")]


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("wire", WIRES)
def test_every_address_leads_to_every_upstream(served: Served, place: str, wire: str) -> None:
    with before(served, wire, said("Four words for you.")) as upstream:
        answer = ask(served, f"{place}/{ASKED}:generateContent", PROMPT)

    assert answer.status == 200, answer.body
    assert texts([answer.json]) == "Four words for you."
    assert answer.json["candidates"][0]["finishReason"] == "STOP"
    assert upstream.requests[0].refused is None
    assert served.exchange().door == "gemini"


@pytest.mark.parametrize("wire", WIRES)
def test_the_model_of_the_path_is_the_one_asked_for(served: Served, wire: str) -> None:
    with before(served, wire, said("Yes.")) as upstream:
        body = PROMPT if wire == "gemini" else {**PROMPT, "model": "models/another"}
        answer = ask(served, f"/v1beta/models/{ASKED}:streamGenerateContent?alt=sse", body)
        exchange = served.exchange()

    assert answer.status == 200, answer.body
    assert exchange.asked == ASKED
    assert exchange.stream
    sent = upstream.requests[0]
    assert MODEL in (sent.body.get("model", ""), sent.path.split("/")[-1].partition(":")[0])


@pytest.mark.parametrize("wire", WIRES)
def test_a_stream_is_events_with_alt_sse_and_an_array_without(served: Served, wire: str) -> None:
    with before(served, wire, EVERY_KIND, EVERY_KIND):
        events = ask(served, f"/v1beta/models/{ASKED}:streamGenerateContent?alt=sse", PROMPT)
        array = ask(served, f"/v1beta/models/{ASKED}:streamGenerateContent", PROMPT)

    assert events.headers["content-type"] == "text/event-stream"
    assert array.headers["content-type"] == "application/json"
    chunks = array.json
    assert texts(chunks) == texts(frames(events.body)) == EVERY_KIND.text
    assert chunks[-1]["candidates"][0]["finishReason"] == "STOP"


def test_an_array_that_breaks_off_holds_the_error_as_its_last_element(served: Served) -> None:
    with Vendor(paced=True) as vendor:
        served.stand(channel("first", "anthropic", vendor.url))
        vendor.fault("F57", times=None)
        answer = ask(served, f"/v1beta/models/{ASKED}:streamGenerateContent", PROMPT, hears=vendor.heard.set)

    assert answer.status == 200
    assert answer.json[-1]["error"]["status"] == "UNAVAILABLE"
    assert not any("finishReason" in one for chunk in answer.json for one in chunk.get("candidates", ()))


def test_a_refusal_keeps_its_status_in_an_array_too(served: Served) -> None:
    with before(served, "anthropic") as upstream:
        upstream.fault("F31", times=None)
        answer = ask(served, f"/v1beta/models/{ASKED}:streamGenerateContent", PROMPT)

    assert answer.status == 400
    assert answer.json["error"]["status"] == "INVALID_ARGUMENT"


def test_members_come_in_either_spelling(served: Served) -> None:
    body = {
        "contents": [{"role": "user", "parts": [{"inline_data": {"mime_type": "image/png", "data": "aGk="}}]}],
        "system_instruction": {"parts": [{"text": "Be brief."}]},
        "generation_config": {"max_output_tokens": 77, "stop_sequences": ["END"]},
    }
    with before(served, "openai_chat", said("Brief.")) as upstream:
        answer = ask(served, f"/v1beta/models/{ASKED}:generateContent", body)

    assert answer.status == 200, answer.body
    sent = upstream.requests[0].body
    assert sent["messages"][0] == {"role": "system", "content": "Be brief."}
    assert sent["stop"] == ["END"]
    assert 77 in (sent.get("max_tokens"), sent.get("max_completion_tokens"))


@pytest.mark.parametrize("wire", WIRES)
def test_tokens_are_counted_in_this_wires_shape(served: Served, wire: str) -> None:
    with before(served, wire):
        plain = ask(served, f"/v1beta/models/{ASKED}:countTokens", PROMPT)
        wrapped = ask(
            served,
            f"/v1beta/models/{ASKED}:countTokens",
            {"generateContentRequest": {"model": f"models/{ASKED}", **PROMPT}},
        )

    assert plain.status == wrapped.status == 200, (plain.body, wrapped.body)
    assert plain.json["totalTokens"] > 0
    assert wrapped.json["totalTokens"] > 0


@pytest.mark.parametrize(
    ("query", "headers", "status"),
    [
        ("?key=right", {}, 200),
        ("?alt=sse&key=right", {}, 200),
        ("", {"x-goog-api-key": "right"}, 200),
        ("?key=wrong", {}, 401),
        ("?key=wrong", {"x-goog-api-key": "right"}, 200),
        ("", {}, 401),
    ],
)
def test_a_key_opens_in_the_query_or_the_header(
    locked: Served, query: str, headers: dict[str, str], status: int
) -> None:
    with before(locked, "gemini", said("Open.")):
        answer = ask(locked, f"/v1beta/models/{ASKED}:generateContent{query}", PROMPT, headers)

    assert answer.status == status
    if status != 200:
        assert answer.json["error"]["status"] == "UNAUTHENTICATED"
        assert b"wrong" not in answer.body


def test_neither_the_key_nor_the_form_of_a_stream_travels_on(served: Served) -> None:
    with before(served, "gemini", said("One."), said("Two.")) as upstream:
        ask(served, f"/v1beta/models/{ASKED}:streamGenerateContent?key=mine&alt=sse", PROMPT)
        ask(served, f"/v1beta/models/{ASKED}:streamGenerateContent?key=mine&alt=json&prettyPrint=false", PROMPT)

    assert [seen.query for seen in upstream.requests] == ["alt=sse", "alt=sse&prettyPrint=false"]
    assert all(dict(seen.headers)["x-goog-api-key"] == KEY for seen in upstream.requests)


def test_a_model_may_hold_slashes_and_colons(served: Served) -> None:
    with StandIn(lambda _: Reply((Text("Here."),)), models=("vendor/m:8b",)) as upstream:
        served.stand()
        served.stand(channel("first", "openai_chat", upstream.url, models=("vendor/m:8b",)))
        for path in ("vendor/m:8b", "vendor%2Fm%3A8b", "first/vendor/m:8b"):
            answer = ask(served, f"/v1beta/models/{path}:generateContent", PROMPT)
            assert answer.status == 200, answer.body

    assert [seen.body["model"] for seen in upstream.requests] == ["vendor/m:8b"] * 3


def test_what_no_address_says_is_refused_in_this_wires_words(served: Served) -> None:
    answer = ask(served, f"/v1beta/models/{ASKED}:predict", PROMPT)

    assert answer.status == 404
    assert answer.json["error"]["code"] == 404
    assert answer.json["error"]["status"] == "NOT_FOUND"
