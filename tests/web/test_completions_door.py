"""The door of OpenAI's older Completions: a prompt in, its text out, whoever answers."""

from __future__ import annotations

import json
from typing import Any

import openai
import pytest

from tests.faults.gateway import Served
from tests.standin import EVERY_KIND, said
from tests.web.stage import ASKED, ask, before

WIRES = ("anthropic", "openai_chat", "gemini")


@pytest.mark.parametrize("wire", WIRES)
def test_the_vendors_sdk_reads_it_whole_and_streamed(served: Served, wire: str) -> None:
    client = openai.OpenAI(base_url=f"{served.url}/v1", api_key="key", max_retries=0)
    with client, before(served, wire, EVERY_KIND, EVERY_KIND) as upstream:
        whole = client.completions.create(model=ASKED, prompt="Say something.", max_tokens=99)
        pieces = list(
            client.completions.create(
                model=ASKED, prompt=["Say something."], stream=True, stream_options={"include_usage": True}
            )
        )

    assert whole.object == "text_completion"
    assert whole.choices[0].text == EVERY_KIND.text
    assert whole.usage is not None
    assert whole.usage.completion_tokens > 0
    assert "".join(piece.choices[0].text for piece in pieces if piece.choices) == EVERY_KIND.text
    assert [piece.choices[0].finish_reason for piece in pieces if piece.choices][-1]
    assert pieces[-1].usage is not None
    assert "Say something." in json.dumps(upstream.requests[0].body)
    assert served.exchange().door == "openai_completions"


@pytest.mark.parametrize(
    ("members", "status"),
    [
        ({"echo": True}, 400),
        ({"suffix": "}"}, 400),
        ({"best_of": 3}, 400),
        ({"logprobs": 2}, 400),
        ({"n": 2}, 400),
        ({"prompt": ["one", "two"]}, 400),
        ({"prompt": [1, 2, 3]}, 400),
        ({"prompt": None}, 400),
        ({"echo": False, "suffix": None, "best_of": 1, "logprobs": None, "n": 1, "seed": 7, "stop": ["x"]}, 200),
    ],
)
def test_what_a_chat_cannot_give_is_refused_by_name(served: Served, members: dict[str, Any], status: int) -> None:
    with before(served, "openai_chat", said("Yes.")) as upstream:
        answer = ask(served, "/v1/completions", {"model": ASKED, "prompt": "Hi", **members})

    assert answer.status == status, answer.body
    if status == 200:
        assert upstream.requests[0].body["seed"] == 7
    else:
        assert answer.json["error"]["param"] == next(iter(members))
        assert upstream.requests == []


def test_a_broken_answer_ends_as_an_error(served: Served) -> None:
    with before(served, "anthropic") as upstream:
        upstream.fault("F25", times=None)
        answer = ask(served, "/openai/v1/completions", {"model": ASKED, "prompt": "Hi", "stream": True})

    assert answer.status == 502
    assert answer.json["error"]["type"] == "server_error"
