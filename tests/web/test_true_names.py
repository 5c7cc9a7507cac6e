"""A model asked for by any of its names: the upstream is told the true one, the client hears the one that it said."""

from __future__ import annotations

import json
from urllib.parse import unquote

import pytest

from tests.faults.gateway import Served, channel
from tests.standin import StandIn, said
from tests.web.stage import ask

TRUE = "Vendor/Big"
HI = [{"role": "user", "content": "Hi"}]
GOOGLES = [{"role": "user", "parts": [{"text": "Hi"}]}]
DOORS: dict[str, tuple[str, dict[str, object], str]] = {
    "openai_chat": ("/v1/chat/completions", {"messages": HI}, "model"),
    "anthropic": ("/v1/messages", {"messages": HI, "max_tokens": 10}, "model"),
    "openai_responses": ("/v1/responses", {"input": "Hi"}, "model"),
    "gemini": ("/v1beta/models/{model}:generateContent", {"contents": GOOGLES}, "modelVersion"),
}


@pytest.mark.parametrize("wire", ["openai_chat", "anthropic", "openai_responses", "gemini"])
@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("asked", ["vendor/BIG", "Big", "first/FAST"])
def test_the_upstream_is_told_the_true_name(served: Served, door: str, wire: str, asked: str) -> None:
    path, body, told = DOORS[door]
    with StandIn() as upstream:
        upstream.script(said("Here."))
        served.stand(
            channel(
                "first", wire, upstream.url, models=(TRUE,), aliases={"fast": TRUE}, trim=("Vendor",), any_case=True
            )
        )
        answer = ask(served, path.format(model=asked), {"model": asked, **body} if "{" not in path else body)
        seen = upstream.requests[0]

    assert answer.status == 200, answer.body
    if (door, wire) != ("gemini", "gemini"):  # a version is the vendor's word, and passes as it came
        assert answer.json[told] == asked
    where = json.dumps(seen.body) + unquote(seen.path)
    assert TRUE in where
    assert asked == "Big" or f'"{asked}"' not in where
