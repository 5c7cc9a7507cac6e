"""Streams in the vendor's shape, one fact each, and their whole twins."""

from __future__ import annotations

import re

import pytest
from msgspec import Struct

from dragoman.canon.events import Failed
from dragoman.canon.reply import fold
from dragoman.canon.usage import NOTHING_SAID, Usage
from tests.dialects.gemini.stage import OWN, ending, events, gist, scene, seals, whole


class Claim(Struct, frozen=True):
    """What a scene amounts to."""

    parts: list[tuple[str, ...]]
    ending: str
    usage: Usage = NOTHING_SAID
    seals: list[str | None] | None = None


MADE = "made"
"""Stands for an id that was made since none came."""
SIGNED = "EsYCCsMCAb4+9vv1Kq0cZk3m"
CLAIMS = {
    "thinks-then-answers": Claim(
        [
            ("thinking", "**Looking at the task**\n\nThe user wants a greeting.\n\n"),
            ("text", "Привет, мир ✓"),
        ],
        "end",
        Usage(input=200, cache_read=1000, output=61, thinking=55),
        ["", SIGNED],
    ),
    "calls-two-tools": Claim(
        [
            ("text", "I will look."),
            ("call", "7x2kq", "Read", '{"file_path": "/tmp/a.txt"}'),
            ("call", "8f3mz", "Bash", '{"command": "ls -la", "timeout": 5}'),
        ],
        "tool_calls",
        Usage(input=300, output=51, thinking=20),
        [None, SIGNED, None],
    ),
    "calls-without-ids": Claim(
        [
            ("call", MADE, "Read", '{"file_path": "a"}'),
            ("call", MADE, "Read", '{"file_path": "b"}'),
        ],
        "tool_calls",
        Usage(input=50, output=9),
    ),
    "searches-the-web": Claim(
        [("text", "Python 3.14 came out in 2025."), ("ServerTool",)],
        "end",
        Usage(input=31, output=9),
    ),
    "runs-code": Claim(
        [("text", "Let me compute."), ("ServerTool",), ("ServerTool",), ("text", "It is 42.")],
        "end",
        Usage(input=20, output=45),
    ),
    "draws-a-picture": Claim(
        [("text", "Here:"), ("Image",)], "end", Usage(input=9, output=1300), [None, "CiQBjz1rX2yq9nQ="]
    ),
    "prompt-blocked": Claim([], "refusal", Usage(input=12)),
    "prompt-blocked-for-no-reason": Claim([], "upstream_error", Usage(input=12)),
    "stopped-by-safety": Claim([("text", "How to")], "refusal", Usage(input=9, output=2)),
    "malformed-call": Claim([], "upstream_error", Usage(input=900, output=30, thinking=30)),
    "nothing-said": Claim([], "upstream_error", Usage(input=900, output=30, thinking=30)),
    "limit-met-while-thinking": Claim(
        [("thinking", "Long thoughts")], "max_output", Usage(input=40, output=64, thinking=64)
    ),
    "overloaded-midway": Claim([("text", "Half a")], "overloaded"),
    "to-be-continued": Claim([("text", "Chapter one")], "max_output", Usage(input=40, output=65536)),
    "cut-without-a-reason": Claim([("text", "Now I wr")], "cut_short"),
    "streams-arguments": Claim(
        [("call", "p1", "Write", '{"path":"/tmp/a.txt","lines":[null,{"n":2}],"keep":true}')],
        "tool_calls",
        Usage(input=30, output=12),
        [SIGNED],
    ),
    "snake-case": Claim(
        [("call", MADE, "Read", '{"file_path": "a", "line_count": 3}')],
        "tool_calls",
        Usage(input=7, output=2),
        ["CiQBjz1rX2yq9nQ="],
    ),
}
TWINS = sorted(path.name.removesuffix(".whole.json") for path in OWN.glob("*.whole.json"))


@pytest.mark.parametrize("name", CLAIMS)
def test_a_stream_of_the_vendor_s_amounts_to(name: str) -> None:
    claim = CLAIMS[name]
    reply = fold(events(scene(f"{name}.sse")))
    parts = [tuple(MADE if re.fullmatch("call_[0-9a-f]{24}", word) else word for word in part) for part in gist(reply)]
    assert parts == claim.parts
    assert ending(reply) == claim.ending
    assert reply.usage == claim.usage
    if claim.seals is not None:
        assert seals(reply) == claim.seals


@pytest.mark.parametrize("name", TWINS)
def test_law_5_a_whole_answer_folds_like_its_stream(name: str) -> None:
    streamed, entire = fold(events(scene(f"{name}.sse"))), whole(scene(f"{name}.whole.json"))
    assert gist(entire) == gist(streamed)
    assert seals(entire) == seals(streamed)
    assert (entire.id, entire.model, entire.usage, entire.finish) == (
        streamed.id,
        streamed.model,
        streamed.usage,
        streamed.finish,
    )


def test_every_scene_has_its_claim() -> None:
    assert {path.stem for path in OWN.glob("*.sse")} == CLAIMS.keys()


@pytest.mark.parametrize("name", ["malformed-call", "nothing-said", "prompt-blocked-for-no-reason"])
def test_pitfall_124_what_says_nothing_fails_before_content_so_that_it_is_asked_again(name: str) -> None:
    found = events(scene(f"{name}.sse"))
    last = found[-1]
    assert isinstance(last, Failed)
    assert last.problem.retryable
    assert not [each for each in found if type(each).__name__ in ("PartOpened", "PartGrew", "PartSealed")]


def test_what_a_malformed_call_said_is_evidence_and_not_told() -> None:
    problem = fold(events(scene("malformed-call.sse"))).problem
    assert problem is not None
    assert "default_api" in problem.evidence
    assert "default_api" not in problem.message
