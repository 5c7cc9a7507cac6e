"""However oddly the upstream puts its answer, each SDK adds up what the model meant."""

from __future__ import annotations

import json
import warnings
from collections.abc import Callable
from typing import Any

import anthropic
import msgspec
import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState
from pydantic import BaseModel

from tests.clients.gateway import Wire
from tests.sdks.stage import MODELS, REPLY, TOOL_SCHEMA, WIRES, Stage
from tests.standin import Shape

BOTH = WIRES
CHAT: tuple[Wire, ...] = ("openai_chat",)
CLAUDE: tuple[Wire, ...] = ("anthropic",)

SHAPES: dict[str, tuple[Shape, tuple[Wire, ...]]] = {
    "one write": (Shape(writes="whole"), BOTH),
    "cut anywhere": (Shape(writes="random", seed=3, text="chars", arguments="chars"), BOTH),
    "byte by byte": (Shape(writes="byte"), BOTH),
    "cr": (Shape(newline="\r"), BOTH),
    "crlf": (Shape(newline="\r\n", comments=True, blank_after_colon=False), BOTH),
    "byte order mark": (Shape(bom=True), BOTH),
    "several lines": (Shape(multiline_data=True), BOTH),
    "no last blank line": (Shape(last_blank_line=False), BOTH),
    "pings": (Shape(pings=True), BOTH),
    "no event lines": (Shape(event_lines=False), CLAUDE),
    "whole parts": (Shape(text="whole", arguments="whole"), BOTH),
    "usage with the finish": (Shape(usage="finish"), CHAT),
    "usage every time": (Shape(usage="every"), CHAT),
    "no usage": (Shape(usage="none"), BOTH),
    "null usage": (Shape(usage="null"), BOTH),
    "ends twice": (Shape(ending="twice"), BOTH),
    "no terminal event": (Shape(ending="none"), BOTH),
    "a foreign terminal event": (Shape(ending="foreign"), BOTH),
    "interleaved": (Shape(calls="interleaved"), BOTH),
    "all at index zero": (Shape(calls="index_zero"), CHAT),
    "no index": (Shape(calls="no_index"), CHAT),
    "calls in the last chunk": (Shape(calls="with_finish"), CHAT),
    "reasoning": (Shape(reasoning="reasoning"), CHAT),
    "reasoning details": (Shape(reasoning="reasoning_details"), CHAT),
    "no ids": (Shape(ids="missing"), BOTH),
    "empty ids": (Shape(ids="empty"), BOTH),
    "equal ids": (Shape(ids="duplicate"), BOTH),
    "ids every time": (Shape(ids="every_chunk"), CHAT),
    "late names": (Shape(late_names=True), CHAT),
    "arguments as objects": (Shape(object_arguments=True), CHAT),
    "unknown events": (Shape(unknown_events=True), BOTH),
    "filter results first": (Shape(empty_choices_first=True), CHAT),
    "empty starts": (Shape(empty_starts=True), CHAT),
    "no role": (Shape(role_chunk=False), CHAT),
    "empty finish": (Shape(empty_finish=True), CHAT),
    "gzip": (Shape(gzip=True), BOTH),
}
COUNTED = frozenset(SHAPES) - {"no usage", "null usage"}
"""Shapes in which the upstream tells its usage."""
NAMED = frozenset(SHAPES) - {"no ids", "empty ids", "equal ids"}
"""Shapes in which the upstream gives calls ids that can be used."""

CALLS = [(call.name, json.loads(call.arguments)) for call in REPLY.calls]
HELLO: Any = [{"role": "user", "content": "hello"}]


def scenes(wire: Wire) -> list[Any]:
    """Each shape that exists on a wire, streamed and, as far as it shows there, whole."""
    names = [name for name, (_, wires) in SHAPES.items() if wire in wires]
    return [
        pytest.param(name, stream, id=f"{name}-{'stream' if stream else 'whole'}")
        for name in names
        for stream in (True, False)
    ]


def claim_ids(shape: str, ids: list[str]) -> None:
    """Ids are the upstream's where it gave usable ones, and tell the calls apart in any case."""
    assert len({*ids} - {""}) == len(REPLY.calls)
    assert shape not in NAMED or ids == [call.id for call in REPLY.calls]


def ask_claude(client: anthropic.Anthropic, wire: Wire, *, stream: bool) -> anthropic.types.Message:
    tools: Any = [{"name": name, "input_schema": TOOL_SCHEMA} for name in ("Write", "Bash")]
    body: dict[str, Any] = {"model": MODELS[wire], "max_tokens": 1000, "messages": HELLO, "tools": tools}
    if stream:
        with client.messages.stream(**body) as events:
            return events.get_final_message()
    message = client.messages.create(**body)
    assert isinstance(message, anthropic.types.Message)
    return message


def ask_chat(client: openai.OpenAI, wire: Wire, *, stream: bool) -> Any:
    tools: Any = [{"type": "function", "function": {"name": name}} for name in ("Write", "Bash")]
    body: dict[str, Any] = {"model": MODELS[wire], "messages": HELLO, "tools": tools}
    if not stream:
        return client.chat.completions.create(**body)
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in client.chat.completions.create(**body, stream=True, stream_options={"include_usage": True}):
        state.handle_chunk(chunk)
    return state.get_final_completion()


@pytest.mark.parametrize(("shape", "stream"), scenes("openai_chat"))
def test_anthropics_sdk_adds_up_what_a_chat_upstream_meant(
    scene: Stage, claude: anthropic.Anthropic, shape: str, stream: bool
) -> None:
    scene.script(msgspec.structs.replace(REPLY, shape=SHAPES[shape][0]))

    message = ask_claude(claude, "openai_chat", stream=stream)

    calls = [block for block in message.content if block.type == "tool_use"]
    assert "".join(block.thinking for block in message.content if block.type == "thinking") == REPLY.thinking
    assert "".join(block.text for block in message.content if block.type == "text") == REPLY.text
    assert [(call.name, call.input) for call in calls] == CALLS
    claim_ids(shape, [call.id for call in calls])
    assert message.stop_reason == "tool_use"
    usage = message.usage
    counts = (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens)
    assert shape not in COUNTED or counts == (100, 1000, 70)


@pytest.mark.parametrize(("shape", "stream"), scenes("anthropic"))
def test_openais_sdk_adds_up_what_an_anthropic_upstream_meant(
    scene: Stage, chat: openai.OpenAI, shape: str, stream: bool
) -> None:
    scene.script(msgspec.structs.replace(REPLY, shape=SHAPES[shape][0]))

    completion = ask_chat(chat, "anthropic", stream=stream)

    [choice] = completion.choices
    assert choice.message.content == REPLY.text
    calls = choice.message.tool_calls
    assert [(call.function.name, json.loads(call.function.arguments)) for call in calls] == CALLS
    claim_ids(shape, [call.id for call in calls])
    assert choice.finish_reason == "tool_calls"
    usage = completion.usage
    assert shape not in COUNTED or (usage.prompt_tokens, usage.completion_tokens) == (1100, 70)


def comparable(result: Any) -> Any:
    """The result without the time, and without signatures, which the gateway marks where several accounts sign."""
    match result:
        case dict():
            hidden = ("created", "signature")
            return {name: comparable(value) for name, value in result.items() if name not in hidden}
        case list():
            return [comparable(value) for value in result]
        case _:
            return result


def outcome(ask: Callable[[], BaseModel]) -> Any:
    """What the SDK makes of an answer: the result in full, or the kind of its failure."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of members with other types than the vendor's
        try:
            return comparable(ask().model_dump())
        except Exception as failure:
            return type(failure)


@pytest.mark.parametrize(("shape", "stream"), scenes("anthropic"))
def test_anthropics_sdk_sees_its_own_dialect_as_without_a_gateway(
    scene: Stage, claude: anthropic.Anthropic, claude_straight: anthropic.Anthropic, shape: str, stream: bool
) -> None:
    scene.upstream.script(msgspec.structs.replace(REPLY, shape=SHAPES[shape][0]), times=2)
    through = outcome(lambda: ask_claude(claude, "anthropic", stream=stream))
    scene.upstream.requests.clear()
    straight = outcome(lambda: ask_claude(claude_straight, "anthropic", stream=stream))

    assert through == straight


@pytest.mark.parametrize(("shape", "stream"), scenes("openai_chat"))
def test_openais_sdk_sees_its_own_dialect_as_without_a_gateway(
    scene: Stage, chat: openai.OpenAI, chat_straight: openai.OpenAI, shape: str, stream: bool
) -> None:
    scene.upstream.script(msgspec.structs.replace(REPLY, shape=SHAPES[shape][0]), times=2)
    through = outcome(lambda: ask_chat(chat, "openai_chat", stream=stream))
    scene.upstream.requests.clear()
    straight = outcome(lambda: ask_chat(chat_straight, "openai_chat", stream=stream))

    assert through == straight
