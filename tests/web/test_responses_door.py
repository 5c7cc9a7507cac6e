"""The door of OpenAI's Responses: the vendor's own SDK is answered by every upstream."""

from __future__ import annotations

import json

import openai
import pytest

from tests.faults.gateway import Served
from tests.standin import EVERY_KIND, said
from tests.web.stage import ASKED, ask, before

WIRES = ("anthropic", "openai_chat", "openai_responses", "gemini")
PLACES = ("/v1/responses", "/responses", "/openai/v1/responses")


@pytest.mark.parametrize("wire", WIRES)
def test_the_vendors_sdk_reads_it_whole_and_streamed(served: Served, wire: str) -> None:
    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="key", max_retries=0)
    with client, before(served, wire, EVERY_KIND, EVERY_KIND):
        whole = client.responses.create(model=ASKED, input="Say something.", store=False)
        with client.responses.stream(model=ASKED, input="Say something.", store=False) as stream:
            streamed = stream.until_done().get_final_response()

    for answer in (whole, streamed):
        assert answer.status == "completed"
        assert answer.output_text == EVERY_KIND.text
        calls = [item for item in answer.output if item.type == "function_call"]
        assert [(call.name, json.loads(call.arguments)) for call in calls] == [
            (call.name, json.loads(call.arguments)) for call in EVERY_KIND.calls
        ]
    assert served.exchange().door == "openai_responses"


@pytest.mark.parametrize("place", PLACES)
def test_every_address_counts_tokens_too(served: Served, place: str) -> None:
    with before(served, "openai_chat"):
        answer = ask(served, f"{place}/input_tokens", {"model": ASKED, "input": "Count these words, please."})

    assert answer.status == 200, answer.body
    assert answer.json["input_tokens"] > 0
    assert answer.json["object"] == "response.input_tokens"


def test_what_no_address_says_is_refused_in_openais_words(served: Served) -> None:
    answer = ask(served, "/v1/responses/resp_1", None, method="GET")

    assert answer.status == 404
    assert answer.json["error"]["type"] == "invalid_request_error"


@pytest.mark.parametrize("stream", [False, True])
def test_a_body_of_responses_at_the_door_of_chat_is_answered_as_what_it_is(served: Served, stream: bool) -> None:
    body = {"model": ASKED, "input": [{"role": "user", "content": "Say something."}], "stream": stream}
    with before(served, "anthropic", said("Something.")):
        answer = ask(served, "/v1/chat/completions", body)

    assert answer.status == 200, answer.body
    assert (b"response.completed" in answer.body) == stream
    assert stream or answer.json["object"] == "response"
    assert served.exchange().door == "openai_responses"
