"""A reason to finish that is a failure ends as an error for a client of the same wire too, however it is sliced."""

from __future__ import annotations

import json
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.canon.problem import Kind
from dragoman.dialects.openai_chat.wire import FAILING_REASONS
from tests.relay.stage import Listener, ScriptedAnswer, Stage, channel, play

BODY = {"model": "asked", "stream": True, "messages": [{"role": "user", "content": "Hi"}]}


def chunk(delta: dict[str, Any], finish: str | None = None, border: str = "\n\n") -> bytes:
    """One frame of a stream."""
    said = {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m"}
    choice = {"index": 0, "delta": delta, "finish_reason": finish}
    return f"data: {json.dumps({**said, 'choices': [choice]})}{border}".encode()


def hear(*script: bytes) -> tuple[Listener, Stage]:
    """What a client of Chat hears of these bytes."""
    stage = Stage({"one": [ScriptedAnswer(script, content_type="text/event-stream")]}, channel("one"))
    return play(stage.ask(json.dumps(BODY).encode(), "openai_chat")), stage


FIRST = chunk({"role": "assistant", "content": "first words"})
CUTS = st.lists(st.integers(0, 1000), max_size=6)


@given(
    cuts=CUTS,
    border=st.sampled_from(["\n\n", "\r\n\r\n"]),
    done=st.booleans(),
    reason=st.sampled_from(sorted(FAILING_REASONS)),
)
def test_one_error_is_the_last_word_whatever_the_slices(cuts: list[int], border: str, done: bool, reason: str) -> None:
    rest = chunk({"content": "more"}, border=border) + chunk({}, reason, border) + b"data: [DONE]\n\n" * done
    places = sorted({0, len(rest), *(cut % len(rest) for cut in cuts)})
    heard, stage = hear(FIRST, *(rest[start:end] for start, end in pairwise(places)))

    frames = [frame for frame in heard.text.replace("\r\n", "\n").split("\n\n") if frame]
    *told, last = [json.loads(frame.removeprefix("data: ")) for frame in frames]
    assert "first words" in heard.text
    assert "[DONE]" not in heard.text
    assert last["error"]["message"]
    assert not any("error" in each or each["choices"][0]["finish_reason"] for each in told)
    assert stage.exchanges[0].problem is Kind.CUT_SHORT
    assert stage.exchanges[0].finish is None


@pytest.mark.parametrize("reason", ["stop", "length", "content_filter"])
def test_any_other_reason_passes_as_it_came(reason: str) -> None:
    end = chunk({}, reason) + b"data: [DONE]\n\n"
    heard, _ = hear(FIRST, end)
    assert heard.text.encode() == (FIRST + end).replace(b'"m"', b'"asked"')


def test_an_error_that_the_wire_tells_itself_passes_as_it_came() -> None:
    failing = json.loads(chunk({}, "error").removeprefix(b"data: "))
    failing["error"] = {"message": "vendor words", "code": 502}
    end = f"data: {json.dumps(failing)}\n\n".encode()
    heard, _ = hear(FIRST, end)
    assert heard.text.encode() == (FIRST + end).replace(b'"m"', b'"asked"')
