"""What Anthropic's SDK gathers from a stream of Gemini or GigaChat is what the vendor meant, in every scene.

What a scene means is told by hand beside the dialects' own tests; here the whole gateway stands between.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import anthropic
import pytest
from msgspec import Struct

from dragoman.canon.usage import Usage
from tests.dialects.gemini.test_scenes import CLAIMS as GEMINI
from tests.dialects.gemini.test_scenes import MADE
from tests.dialects.gigachat.test_answers import CLAIMS as GIGACHAT
from tests.faults.gateway import Served
from tests.sdks.house import ASKED, Repeater, channel, repeating
from tests.sdks.stage import REPLY, TOOL_SCHEMA
from tests.standin import Reply, Shape, StandIn

SCENES = Path(__file__).resolve().parents[1] / "scenes"
ENDINGS = {"end": "end_turn", "tool_calls": "tool_use", "max_output": "max_tokens", "refusal": "refusal"}
TOOLS: list[Any] = [
    {"name": name, "description": name, "input_schema": TOOL_SCHEMA} for name in ("Write", "Bash", "Read")
]
WISH: Any = {"model": ASKED, "max_tokens": 1000, "messages": [{"role": "user", "content": "Go."}], "tools": TOOLS}


class Gathered(Struct, frozen=True):
    """What a client has of an answer."""

    blocks: list[Any]
    """Without those that only carry a seal."""
    ids: list[str]
    """Of calls."""
    stop: str | None
    """The kind of error where it failed."""
    usage: tuple[int, int | None, int] | None
    """Input, cached and output tokens."""
    indexes: list[int]
    """Of the blocks in the order they began."""


def gather(url: str) -> Gathered:
    """What the SDK makes of a stream."""
    indexes: list[int] = []
    with anthropic.Anthropic(base_url=url, api_key="key", max_retries=0) as client:
        try:
            with client.messages.stream(**WISH) as stream:
                indexes += [event.index for event in stream if event.type == "content_block_start"]
                message = stream.get_final_message()
        except anthropic.APIStatusError as error:
            body: Any = error.body
            return Gathered([], [], str(body["error"]["type"]), None, indexes)
    told = [block.to_dict() for block in message.content]
    shown: list[Any] = [block for block in told if block.get("thinking") != ""]
    usage = message.usage
    return Gathered(
        [_gist(block) for block in shown],
        [block["id"] for block in shown if block["type"] == "tool_use"],
        message.stop_reason,
        (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens),
        indexes,
    )


def _gist(block: dict[str, Any]) -> tuple[Any, ...]:
    match block:
        case {"type": "text", "text": text}:
            return "text", text
        case {"type": "thinking", "thinking": text}:
            return "thinking", text
        case {"type": "tool_use", "name": name, "input": arguments}:
            return "call", name, arguments
        case _:
            return (block["type"],)


def meant(parts: list[tuple[str, ...]]) -> tuple[list[tuple[Any, ...]], list[str]]:
    """Blocks and the ids of calls, of parts as the claims tell them; a part of another kind is told in words."""
    blocks: list[tuple[Any, ...]] = []
    ids: list[str] = []
    for kind, *words in parts:
        match kind, words:
            case "call", [*given, name, arguments]:
                blocks.append(("call", name, json.loads(arguments)))
                ids += given
            case "text" | "thinking", [text]:
                blocks.append((kind, text))
            case _:
                blocks.append(("text", ...))
    return blocks, ids


def same(found: list[Any], wanted: list[tuple[Any, ...]]) -> bool:
    """Whether blocks are those meant; `...` stands for any words."""
    return len(found) == len(wanted) and all(
        one == other or (other[-1] is ... and one[0] == other[0] and one[1])
        for one, other in zip(found, wanted, strict=True)
    )


@pytest.fixture(scope="module")
def gateway() -> Iterator[Served]:
    with Served() as served:
        yield served


@pytest.fixture(scope="module")
def repeater() -> Iterator[Repeater]:
    with repeating() as opened:
        yield opened


def scenes() -> Iterator[Any]:
    for name, claim in GEMINI.items():
        yield pytest.param("gemini", name, claim.parts, claim.ending, claim.usage, id=f"gemini-{name}")
    for name, (parts, ending) in GIGACHAT.items():
        yield pytest.param("gigachat", name, parts, ending, counted(name), id=f"gigachat-{name}")


def counted(name: str) -> Usage | None:
    """The counts that GigaChat tells in a scene; None where it tells none."""
    for line in (SCENES / "gigachat" / f"{name}.sse").read_text().splitlines():
        if '"usage"' in line:
            told = json.loads(line.removeprefix("data:"))["usage"]
            cached = told.get("precached_prompt_tokens", 0)
            return Usage(told["prompt_tokens"] - cached, cached, output=told["completion_tokens"])
    return None


@pytest.mark.parametrize("piece", [0, 7])
@pytest.mark.parametrize(("vendor", "name", "parts", "ending", "usage"), [*scenes()])
def test_a_scene_is_gathered_as_it_was_meant(
    gateway: Served,
    repeater: Repeater,
    vendor: str,
    name: str,
    parts: list[tuple[str, ...]],
    ending: str,
    usage: Usage | None,
    piece: int,
) -> None:
    repeater.body, repeater.slice = (SCENES / vendor / f"{name}.sse").read_bytes(), piece
    gateway.stand(channel(vendor, repeater.url))

    found = gather(gateway.url)

    assert found.indexes == [*range(len(found.indexes))]
    if ending not in ENDINGS:
        assert found.stop in ("api_error", "overloaded_error")
        return
    blocks, ids = meant(parts)
    assert same(found.blocks, blocks), found.blocks
    assert found.stop == ENDINGS[ending]
    assert len(set(found.ids)) == len(found.ids)
    assert not [one for one, other in zip(found.ids, ids, strict=False) if other not in (one, MADE)]
    if usage is not None and usage.output is not None:
        assert found.usage == (usage.input or 0, usage.cache_read or 0, usage.output)


@pytest.mark.parametrize("kind", ["text/event-stream", "application/json"])
@pytest.mark.parametrize("name", ["thinks-then-answers", "calls-two-tools", "cut-without-a-reason"])
def test_an_array_of_chunks_is_gathered_like_a_stream(gateway: Served, name: str, kind: str) -> None:
    lines = (SCENES / "gemini" / f"{name}.sse").read_text().splitlines()
    chunks = [json.loads(line.removeprefix("data:")) for line in lines if line.startswith("data:")]
    claim = GEMINI[name]
    with repeating() as repeater:
        repeater.body, repeater.slice, repeater.kind = json.dumps(chunks, indent=2).encode(), 11, kind
        gateway.stand(channel("gemini", repeater.url))
        found = gather(gateway.url)

    if claim.ending not in ENDINGS:
        assert found.stop == "api_error"
        return
    blocks, ids = meant(claim.parts)
    assert (found.blocks, found.ids, found.stop) == (blocks, ids, ENDINGS[claim.ending])


SHAPES = {
    "plain": Shape(),
    "in_bytes": Shape(writes="byte"),
    "at_once": Shape(writes="whole"),
    "torn_at_random": Shape(writes="random", seed=7),
    "letter_by_letter": Shape(text="chars"),
    "in_one_piece": Shape(text="whole"),
    "crlf": Shape(newline="\r\n"),
    "comments_and_a_mark": Shape(comments=True, bom=True),
    "no_blank_after_the_colon": Shape(blank_after_colon=False),
    "several_lines": Shape(multiline_data=True),
    "no_last_blank_line": Shape(last_blank_line=False),
    "signs_of_life": Shape(pings=True),
    "members_of_a_later_release": Shape(unknown_events=True),
    "squeezed": Shape(gzip=True),
    "call_with_the_finish": Shape(calls="with_finish"),
    "usage_in_every_chunk": Shape(usage="every"),
    "usage_with_the_finish": Shape(usage="finish"),
    "no_ids": Shape(ids="missing"),
    "no_role": Shape(role_chunk=False),
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("vendor", ["gemini", "gigachat"])
def test_whatever_the_shape_the_answer_is_gathered_as_it_was_meant(gateway: Served, vendor: str, shape: str) -> None:
    parts = REPLY.parts if vendor == "gemini" else REPLY.parts[:3]
    with StandIn(dialects=(vendor,), shape=SHAPES[shape]) as upstream:
        upstream.script(Reply(parts, usage=REPLY.usage))
        gateway.stand(channel(vendor, upstream.url))
        found = gather(gateway.url)

    reply = Reply(parts)
    calls = [("call", call.name, json.loads(call.arguments)) for call in reply.calls]
    assert found.blocks == [("thinking", reply.thinking), ("text", reply.text), *calls]
    assert found.indexes == [*range(len(found.indexes))]
    assert found.stop == "tool_use"
    assert len(set(found.ids)) == len(calls)
    if vendor == "gemini" and SHAPES[shape].ids == "given":
        assert found.ids == [call.id for call in reply.calls]
    assert found.usage == (100, 1000, 70)
