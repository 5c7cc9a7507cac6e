"""Tokens of a prompt: the upstream's own count in whatever dialect it speaks, and an estimate where it gives none."""

from __future__ import annotations

import json

import pytest

from dragoman.canon.problem import Trouble
from tests.relay.stage import ScriptedAnswer, Stage, broken, channel, inquiry, play

BODY = b'{"model":"asked","messages":[{"role":"user","content":"hello there"}],"system":"Be brief."}'
ROOT = "http://127.0.0.1:1"
VERTEX = "/v1/projects/p/locations/global/publishers/google"


def json_answer(body: bytes, status: int = 200) -> ScriptedAnswer:
    return ScriptedAnswer([body], status, content_type="application/json")


@pytest.mark.parametrize(
    ("provider", "answer", "path", "members"),
    [
        ("anthropic", b'{"input_tokens":7}', "/v1/messages/count_tokens", ["messages", "model", "system"]),
        ("gemini", b'{"totalTokens":7}', "/v1/models/m:countTokens", ["generateContentRequest"]),
        ("vertex", b'{"totalTokens":7}', f"{VERTEX}/models/m:countTokens", ["contents", "systemInstruction"]),
    ],
)
def test_the_upstream_counts_in_its_own_dialect(provider: str, answer: bytes, path: str, members: list[str]) -> None:
    stage = Stage({"one": [json_answer(answer)]}, channel("one", provider, options={"project": "p"}))

    assert play(stage.relay.count(inquiry(BODY))) == (7, "upstream")

    (call,) = stage.transport.calls
    assert call.url == ROOT + path
    assert sorted(json.loads(call.body)) == members


@pytest.mark.parametrize("answer", [json_answer(b"{}"), json_answer(b"{}", 500), broken()], ids=["odd", "500", "cut"])
def test_an_upstream_that_gives_no_count_costs_nothing_but_exactness(answer: ScriptedAnswer | Trouble) -> None:
    stage = Stage({"one": [answer]}, channel("one", "gemini"))
    counted, how = play(stage.relay.count(inquiry(BODY)))
    assert how == "estimate"
    assert counted > 0


def test_an_upstream_without_a_count_is_not_asked() -> None:
    stage = Stage({"one": []})
    assert play(stage.relay.count(inquiry(BODY)))[1] == "estimate"
    assert not stage.transport.calls
