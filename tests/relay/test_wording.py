"""An operator decides whether clients hear an upstream's own words of an error; what agents act by is always told."""

from __future__ import annotations

import json
import math
from itertools import pairwise
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.canon.problem import KINDS, Kind, Original, Trouble, problem
from dragoman.relay.wording import FAILED, SENTENCES, TOO_LONG, reworded
from dragoman.shapes.fields import UpstreamErrors
from tests.relay.stage import DIALECTS, Listener, ScriptedAnswer, Stage, broken, channel, inquiry, play
from tests.relay.test_errands import asked as errand
from tests.relay.test_errands import hear as hear_errand

CANARY = "canary-vendor-said-this"
TURN = {"role": "user", "content": "Hi"}
ASKED: dict[str, dict[str, Any]] = {
    "anthropic": {"model": "asked", "max_tokens": 10, "messages": [TURN]},
    "openai_chat": {"model": "asked", "messages": [TURN]},
    "openai_responses": {"model": "asked", "input": "Hi"},
    "gemini": {"contents": [{"role": "user", "parts": [{"text": "Hi"}]}]},
    "gigachat": {"model": "asked", "messages": [TURN]},
}
"""A request for each door that clients use."""
PROVIDERS = {"anthropic": "anthropic", "openai_chat": "openai-compatible", "gemini": "gemini", "gigachat": "gigachat"}
ERRORS = {
    "anthropic": {"type": "error", "error": {"type": "invalid_request_error", "message": CANARY}},
    "openai_chat": {"error": {"message": CANARY, "type": CANARY, "code": CANARY, "param": CANARY}},
    "gemini": {"error": {"code": 400, "message": CANARY, "status": "INVALID_ARGUMENT"}},
    "gigachat": {"status": 400, "message": CANARY},
}


def hear(
    answers: list[ScriptedAnswer],
    door: str = "anthropic",
    provider: str = "anthropic",
    policy: UpstreamErrors = "hidden",
    text: str = "",
    *,
    stream: bool = False,
) -> tuple[Listener, Stage]:
    """What a client is told of these answers under a policy."""
    stage = Stage({"one": answers}, channel("one", provider))
    stage.relay.snapshot = replace(stage.relay.snapshot, upstream_errors=policy, upstream_error_text=text)
    listener = Listener()
    body = msgspec.json.encode({**ASKED[door], **({"stream": True} if stream and door != "gemini" else {})})
    asked = inquiry(body, door)
    request = replace(asked.request, model="asked", stream=stream)
    play(stage.relay.answer(replace(asked, request=request), listener))
    return listener, stage


def refusal(words: str, status: int = 400, **headers: str) -> ScriptedAnswer:
    """An answer of Anthropic's that refuses."""
    error = {"type": "invalid_request_error", "message": words}
    return ScriptedAnswer([msgspec.json.encode({"type": "error", "error": error})], status, **headers)


@pytest.mark.parametrize("door", ASKED)
@pytest.mark.parametrize("upstream", ERRORS)
@pytest.mark.parametrize("status", [400, 401, 402, 404, 413, 422])
def test_no_door_tells_hidden_words_and_each_tells_kind_and_status(door: str, upstream: str, status: int) -> None:
    body = msgspec.json.encode(ERRORS[upstream])
    hidden, kept = hear([ScriptedAnswer([body], status) for _ in range(3)], door, PROVIDERS[upstream])
    told, _ = hear([ScriptedAnswer([body], status) for _ in range(3)], door, PROVIDERS[upstream], "told")

    assert hidden.status == told.status
    assert CANARY not in hidden.text
    assert "The provider was asked but" in hidden.text or TOO_LONG in hidden.text
    assert hidden.headers.get("x-should-retry") == told.headers.get("x-should-retry")
    written = kept.bodies.kept[0][1].decode()
    assert CANARY in written or CANARY not in told.text


def test_the_text_of_the_operator_is_told_instead() -> None:
    heard, _ = hear([refusal(CANARY)], policy="text", text='Write to "help" ünder 42.')
    assert json.loads(heard.text)["error"]["message"] == 'Write to "help" ünder 42.'
    assert json.loads(heard.text)["request_id"] == "dgm_test"


def test_a_text_that_was_never_set_is_as_good_as_hidden() -> None:
    heard, _ = hear([refusal(CANARY)], policy="text")
    assert json.loads(heard.text)["error"]["message"] == SENTENCES[Kind.INVALID_REQUEST]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("prompt is too long: 210001 tokens > 200000 maximum", "prompt is too long: 210001 tokens > 200000 maximum"),
        (f"{CANARY}: input is too long for requested model", TOO_LONG),
        (
            f"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, {CANARY}",
            "input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000",
        ),
    ],
)
def test_a_prompt_that_is_too_long_is_told_so_that_agents_compact(said: str, told: str) -> None:
    for policy in ("hidden", "text"):
        heard, _ = hear([refusal(said)], policy=policy, text="No.")
        assert (heard.status, json.loads(heard.text)["error"]["message"]) == (400, told)


def test_a_refusal_of_thinking_keeps_the_words_by_which_it_is_mended() -> None:
    words = "messages.1.content.0: Invalid `signature` in `thinking` block"
    heard, _ = hear([refusal(words)])
    assert json.loads(heard.text)["error"]["message"] == words


def test_the_wait_that_the_provider_told_is_told() -> None:
    heard, _ = hear([refusal(CANARY, 429, retry_after="30")])
    assert (heard.status, heard.headers["retry-after"]) == (429, "30")
    assert CANARY not in heard.text


def test_what_the_gateway_found_itself_keeps_its_words() -> None:
    heard, _ = hear([ScriptedAnswer([broken()]), ScriptedAnswer([broken()])], stream=True)
    assert "broke off its answer" in heard.text


def test_an_errand_is_told_of_an_error_alike() -> None:
    error = msgspec.json.encode(ERRORS["openai_chat"])
    stage = Stage({"one": [ScriptedAnswer([error], 400, content_type="application/json")]})
    stage.relay.snapshot = replace(stage.relay.snapshot, upstream_errors="hidden")
    heard = hear_errand(stage, errand("POST /v1/embeddings", b'{"model":"asked","input":["Hi"]}'))
    assert heard.status == 400
    assert json.loads(heard.text)["error"]["message"] == SENTENCES[Kind.INVALID_REQUEST]
    assert CANARY not in heard.text
    assert CANARY.encode() in stage.bodies.kept[0][1]


STREAM = [
    b'event: message_start\ndata: {"type":"message_start","message":{"id":"a","type":"message","role":"assistant",'
    b'"content":[],"model":"m","usage":{"input_tokens":3,"output_tokens":0}}}\n\n',
    b'event: content_block_start\ndata: {"type":"content_block_start","index":0,"content_block":{"type":"text",'
    b'"text":""}}\n\n',
    b'event: content_block_delta\ndata: {"type":"content_block_delta","index":0,"delta":{"type":"text_delta",'
    b'"text":"first words"}}\n\n',
]
BREAK = b'event: error\ndata: {"type":"error","error":{"type":"overloaded_error","message":"%b"}}\n\n' % CANARY.encode()


@pytest.mark.parametrize("door", ASKED)
def test_an_error_within_a_stream_is_told_without_its_words(door: str) -> None:
    heard, stage = hear([ScriptedAnswer([*STREAM, BREAK])], door, stream=True)
    assert "first words" in heard.text
    assert CANARY not in heard.text
    assert SENTENCES[Kind.OVERLOADED] in heard.text
    assert stage.exchanges[0].problem is Kind.OVERLOADED
    assert CANARY.encode() in stage.bodies.kept[0][1]


@given(cut=st.lists(st.integers(1, len(BREAK) - 1), max_size=4).map(lambda cuts: sorted({0, *cuts, len(BREAK)})))
def test_however_a_verbatim_error_is_sliced_its_words_stay_hidden_and_frames_whole(cut: list[int]) -> None:
    pieces = [BREAK[start:end] for start, end in pairwise(cut)]
    heard, _ = hear([ScriptedAnswer([*STREAM, *pieces])], stream=True)
    frames = heard.text.split("\n\n")
    assert frames.pop() == ""
    parsed = [json.loads(frame.partition("data: ")[2]) for frame in frames]
    assert [one["type"] for one in parsed] == [
        "message_start",
        "content_block_start",
        "content_block_delta",
        "error",
    ]
    assert parsed[-1]["error"] == {"type": "overloaded_error", "message": SENTENCES[Kind.OVERLOADED]}


KINDS_OF_UPSTREAMS = st.sampled_from(sorted(KINDS))
WORDS = st.text(min_size=1)


@given(kind=KINDS_OF_UPSTREAMS, words=WORDS, wait_s=st.none() | st.floats(0, math.inf), status=st.integers(400, 599))
def test_only_words_are_ever_changed(kind: Kind, words: str, wait_s: float | None, status: int) -> None:
    original = Original("anthropic", status, words.encode("utf-8", "replace"))
    found = problem(
        kind, words, retry_after_s=wait_s, upstream_status=status, evidence=words, original=original, param=words
    )
    for policy in ("hidden", "text"):
        told = reworded(policy, "Ask us.", found)
        assert told is found or told.original is None
        for member in ("kind", "status", "retryable", "side", "retry_after_s", "upstream_status"):
            assert getattr(told, member) == getattr(found, member)
    assert reworded("told", "Ask us.", found) is found


def test_each_sentence_is_of_a_kind_that_an_upstream_can_cause() -> None:
    assert Kind.PROMPT_TOO_LONG not in SENTENCES
    assert all(words.startswith("The provider was ") for words in (*SENTENCES.values(), FAILED))
    assert Trouble(problem(Kind.TLS, "x")).problem.evidence == ""
    assert set(DIALECTS) >= set(ASKED)
