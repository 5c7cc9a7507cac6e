"""Anthropic's SDK at its door: what it adds up is what the model meant, whichever dialect the model speaks."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import anthropic
import msgspec
import pytest

from tests.clients.gateway import Wire
from tests.sdks.stage import DOT, MODELS, PDF, REPLY, SCHEMA, TOOL_SCHEMA, WIRES, Stage
from tests.standin import Call, Reply, Shape, Text, Usage, said
from tests.standin.reply import Stop

TOOLS = [{"name": name, "description": name, "input_schema": TOOL_SCHEMA} for name in ("Write", "Bash")]
NO = {"type": "text", "text": "no"}
HELLO = [{"role": "user", "content": "hello"}]
STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
ON_EACH_WIRE = pytest.mark.parametrize("wire", WIRES)

STOPS: tuple[tuple[Wire, Stop, str], ...] = (
    ("openai_chat", "stop", "end_turn"),
    ("openai_chat", "length", "max_tokens"),
    ("openai_chat", "refusal", "refusal"),
    ("anthropic", "stop", "end_turn"),
    ("anthropic", "length", "max_tokens"),
    ("anthropic", "stop_sequence", "stop_sequence"),
    ("anthropic", "refusal", "refusal"),
    ("anthropic", "pause", "pause_turn"),
    ("anthropic", "context_full", "model_context_window_exceeded"),
)


def ask(client: anthropic.Anthropic, wire: Wire, *, stream: bool, **members: Any) -> anthropic.types.Message:
    body: dict[str, Any] = {"model": MODELS[wire], "max_tokens": 1000, "messages": HELLO, **members}
    if stream:
        with client.messages.stream(**body) as events:
            return events.get_final_message()
    message = client.messages.create(**body)
    assert isinstance(message, anthropic.types.Message)
    return message


def user(*blocks: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"role": "user", "content": list(blocks)}]


@pytest.mark.parametrize(
    ("wire", "stream", "shape"),
    [*product(WIRES, (True, False), (Shape(), Shape(writes="byte"), Shape(newline="\r\n", comments=True)))],
)
def test_it_reads_what_the_model_meant(
    scene: Stage, claude: anthropic.Anthropic, wire: Wire, stream: bool, shape: Shape
) -> None:
    scene.script(msgspec.structs.replace(REPLY, shape=shape))

    message = ask(claude, wire, stream=stream, tools=TOOLS)

    thinking, text, *calls = message.content
    assert thinking.type == "thinking"
    assert thinking.thinking == REPLY.thinking
    assert text.type == "text"
    assert text.text == REPLY.text
    for call, meant in zip(calls, REPLY.calls, strict=True):
        assert call.type == "tool_use"
        assert (call.id, call.name, call.input) == (meant.id, meant.name, json.loads(meant.arguments))
    assert message.stop_reason == "tool_use"
    assert message.model == MODELS[wire]
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (100, 1000, 70)


@STREAMED
@pytest.mark.parametrize(("wire", "stop", "told"), STOPS)
def test_each_stop_reason_arrives(
    scene: Stage, claude: anthropic.Anthropic, wire: Wire, stop: Stop, told: str, stream: bool
) -> None:
    stop_text = "END" if stop == "stop_sequence" else None
    scene.script(Reply((Text("so far"),), stop=stop, stop_text=stop_text))

    message = ask(claude, wire, stream=stream, stop_sequences=["END"])

    assert message.stop_reason == told
    assert message.stop_sequence == stop_text
    assert [block.type for block in message.content] == ["text"]


@STREAMED
@ON_EACH_WIRE
def test_calls_without_arguments_have_an_empty_input(
    scene: Stage, claude: anthropic.Anthropic, wire: Wire, stream: bool
) -> None:
    scene.script(Reply((Call("Bash", "{}"),)))

    [call] = ask(claude, wire, stream=stream, tools=TOOLS).content

    assert call.type == "tool_use"
    assert call.input == {}


@STREAMED
@ON_EACH_WIRE
def test_cache_writes_are_counted_where_the_wire_tells_them(
    scene: Stage, claude: anthropic.Anthropic, wire: Wire, stream: bool
) -> None:
    scene.script(Reply((Text("hi"),), usage=Usage(input=10, cache_read=20, cache_write=30, output=5)))

    usage = ask(claude, wire, stream=stream).usage

    parts = (usage.input_tokens, usage.cache_read_input_tokens or 0, usage.cache_creation_input_tokens or 0)
    assert sum(parts) == 60
    assert parts == ((10, 20, 30) if wire == "anthropic" else parts)


@STREAMED
@ON_EACH_WIRE
def test_a_conversation_with_thinking_and_tools_goes_on(
    scene: Stage, claude: anthropic.Anthropic, wire: Wire, stream: bool
) -> None:
    scene.script(REPLY)
    thinking = {"type": "enabled", "budget_tokens": 1024}
    first = ask(claude, wire, stream=stream, tools=TOOLS, thinking=thinking, max_tokens=4000)
    results = [
        {"type": "tool_result", "tool_use_id": "call_one", "content": "written"},
        {
            "type": "tool_result",
            "tool_use_id": "call_two",
            "content": [{"type": "text", "text": "no"}],
            "is_error": True,
        },
    ]
    history = [
        *HELLO,
        {"role": "assistant", "content": [block.model_dump(exclude_none=True) for block in first.content]},
        {"role": "user", "content": results},
    ]
    scene.script(said("Done."))

    second = ask(claude, wire, stream=stream, messages=history, tools=TOOLS, thinking=thinking, max_tokens=4000)

    assert [block.type for block in second.content] == ["text"]
    assert [seen.refused for seen in scene.upstream.requests] == [None, None]


@ON_EACH_WIRE
def test_images_and_documents_reach_the_model(scene: Stage, claude: anthropic.Anthropic, wire: Wire) -> None:
    image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": DOT}}
    link = {"type": "image", "source": {"type": "url", "url": "https://example.com/a.png"}}
    paper = {"type": "document", "source": {"type": "base64", "media_type": "application/pdf", "data": PDF}}
    notes = {"type": "document", "source": {"type": "text", "media_type": "text/plain", "data": "plain notes"}}

    ask(claude, wire, stream=False, messages=user(image, link, paper, notes, {"type": "text", "text": "what is it?"}))

    sent = json.dumps(scene.asked)
    assert all(word in sent for word in (DOT, "https://example.com/a.png", PDF, "plain notes", "what is it?"))


@STREAMED
@ON_EACH_WIRE
def test_structured_output_follows_its_schema(
    scene: Stage, claude: anthropic.Anthropic, wire: Wire, stream: bool
) -> None:
    shape = {"format": {"type": "json_schema", "schema": SCHEMA}}

    [block] = ask(claude, wire, stream=stream, output_config=shape).content

    assert block.type == "text"
    assert json.loads(block.text) == {"title": "A short title", "count": 1}


@ON_EACH_WIRE
@pytest.mark.parametrize(
    "choice",
    [
        {"type": "auto"},
        {"type": "auto", "disable_parallel_tool_use": True},
        {"type": "any"},
        {"type": "tool", "name": "Bash"},
        {"type": "none"},
    ],
    ids=["auto", "one_by_one", "any", "named", "none"],
)
def test_each_tool_choice_is_taken(
    scene: Stage, claude: anthropic.Anthropic, wire: Wire, choice: dict[str, Any]
) -> None:
    ask(claude, wire, stream=False, tools=TOOLS, tool_choice=choice)

    assert scene.upstream.requests[-1].refused is None
    if wire == "anthropic":
        assert scene.asked["tool_choice"] == choice


@ON_EACH_WIRE
def test_tokens_are_counted(scene: Stage, claude: anthropic.Anthropic, wire: Wire) -> None:
    small = claude.messages.count_tokens(model=MODELS[wire], messages=[{"role": "user", "content": "hello"}])
    large = claude.messages.with_raw_response.count_tokens(
        model=MODELS[wire],
        system="You are a careful engineer. " * 50,
        messages=[{"role": "user", "content": "hello"}],
        tools=[{"name": "Bash", "input_schema": {"type": "object"}}],
    )

    assert 0 < small.input_tokens < 50
    assert large.parse().input_tokens > small.input_tokens + 100
    assert large.headers["x-dragoman-token-count"] == ("upstream" if wire == "anthropic" else "estimate")


def test_models_are_listed_and_looked_up(claude: anthropic.Anthropic) -> None:
    listed = {model.id for model in claude.models.list(limit=1000)}

    assert set(MODELS.values()) <= listed
    assert claude.models.retrieve(MODELS["anthropic"]).id == MODELS["anthropic"]
    with pytest.raises(anthropic.NotFoundError):
        claude.models.retrieve("no-such-model")


def test_an_unknown_model_is_not_found(claude: anthropic.Anthropic) -> None:
    with pytest.raises(anthropic.NotFoundError, match="no-such-model"):
        claude.messages.create(model="no-such-model", max_tokens=10, messages=[{"role": "user", "content": "hello"}])


@ON_EACH_WIRE
def test_the_text_grows_piece_by_piece(scene: Stage, claude: anthropic.Anthropic, wire: Wire) -> None:
    scene.script(Reply((Text("один два three"),), shape=Shape(text="chars")))

    with claude.messages.stream(
        model=MODELS[wire], max_tokens=100, messages=[{"role": "user", "content": "hello"}]
    ) as stream:
        pieces = list(stream.text_stream)

    assert "".join(pieces) == "один два three"


@ON_EACH_WIRE
def test_a_stream_that_breaks_raises(scene: Stage, claude: anthropic.Anthropic, wire: Wire) -> None:
    scene.upstream.fault("F48.text")

    with pytest.raises(anthropic.APIError):
        ask(claude, wire, stream=True)
