"""The official SDKs, pointed straight at the stand-in, read what the script meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from typing import Any

import anthropic
import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState

from tests.standin import Call, Refusal, Reply, Shape, StandIn, Text, Thinking, Usage

REPLY = Reply(
    (
        Thinking("Подумаю: two files, then a run."),
        Text("Сначала напишу файл ✓ 🎉."),
        Call("Write", '{"file_path": "/tmp/a b.py", "content": "print(\\"привет\\")\\n"}', "call_one"),
        Call("Bash", '{"command": "ls -la"}', "call_two"),
    ),
    usage=Usage(input=100, cache_read=1000, cache_write=50, output=70, thinking=20),
)

HARMLESS = {
    "plain": Shape(),
    "byte": Shape(writes="byte"),
    "whole": Shape(writes="whole", text="whole", arguments="whole"),
    "random": Shape(writes="random", seed=7, text="chars", arguments="chars"),
    "crlf": Shape(newline="\r\n", comments=True, blank_after_colon=False),
    "cr": Shape(newline="\r"),
    "multiline": Shape(multiline_data=True),
    "pings": Shape(pings=True),
    "gzip": Shape(gzip=True),
    "twice": Shape(ending="twice"),
}

TOOLS = [
    {"name": name, "input_schema": {"type": "object", "properties": {"command": {"type": "string"}}}}
    for name in ("Write", "Bash")
]


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn() as upstream:
        yield upstream


@pytest.fixture
def claude(standin: StandIn) -> Iterator[anthropic.Anthropic]:
    with anthropic.Anthropic(base_url=standin.url, api_key="key", max_retries=0) as client:
        yield client


@pytest.fixture
def chat(standin: StandIn) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{standin.url}/v1", api_key="key", max_retries=0) as client:
        yield client


def ask_claude(client: anthropic.Anthropic, *, stream: bool) -> anthropic.types.Message:
    body: dict[str, Any] = {
        "model": "claude-standin",
        "max_tokens": 1000,
        "messages": [{"role": "user", "content": "hello"}],
        "tools": TOOLS,
    }
    if not stream:
        message = client.messages.create(**body)
        assert isinstance(message, anthropic.types.Message)
        return message
    with client.messages.stream(**body) as events:
        return events.get_final_message()


def ask_chat(client: openai.OpenAI, *, stream: bool) -> Any:
    body: dict[str, Any] = {
        "model": "gpt-standin",
        "messages": [{"role": "user", "content": "hello"}],
        "tools": [{"type": "function", "function": {"name": tool["name"]}} for tool in TOOLS],
    }
    if not stream:
        return client.chat.completions.create(**body)
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in client.chat.completions.create(**body, stream=True, stream_options={"include_usage": True}):
        state.handle_chunk(chunk)
    return state.get_final_completion()


@pytest.mark.parametrize(("shape", "stream"), [*product(HARMLESS, (True, False))])
def test_the_anthropic_sdk_reads_what_the_script_meant(
    standin: StandIn, claude: anthropic.Anthropic, shape: str, stream: bool
) -> None:
    standin.script(Reply(REPLY.parts, usage=REPLY.usage, shape=HARMLESS[shape]))

    message = ask_claude(claude, stream=stream)

    thinking, text, write, bash = message.content
    assert thinking.type == "thinking"
    assert (thinking.thinking, thinking.signature) == (REPLY.thinking, standin.signer.sign(REPLY.thinking))
    assert text.type == "text"
    assert text.text == REPLY.text
    for said, meant in zip((write, bash), REPLY.calls, strict=True):
        assert said.type == "tool_use"
        assert (said.id, said.name, said.input) == (meant.id, meant.name, json.loads(meant.arguments))
    assert message.stop_reason == "tool_use"
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.cache_creation_input_tokens) == (100, 1000, 50)
    assert usage.output_tokens == 70
    assert standin.requests[-1].usage == REPLY.usage


@pytest.mark.parametrize(("shape", "stream"), [*product([*HARMLESS, "interleaved", "finish", "azure"], (True, False))])
def test_the_openai_sdk_reads_what_the_script_meant(
    standin: StandIn, chat: openai.OpenAI, shape: str, stream: bool
) -> None:
    more = {
        "interleaved": Shape(calls="interleaved"),
        "finish": Shape(usage="finish"),
        "azure": Shape(empty_choices_first=True),
    }
    standin.script(Reply(REPLY.parts, usage=REPLY.usage, shape=(HARMLESS | more)[shape]))

    completion = ask_chat(chat, stream=stream)

    choice = completion.choices[0]
    assert choice.message.content == REPLY.text
    if not stream:  # the SDK does not add up members it does not know
        assert choice.message.reasoning_content == REPLY.thinking
    calls = [(call.id, call.function.name, call.function.arguments) for call in choice.message.tool_calls]
    assert calls == [(call.id, call.name, call.arguments) for call in REPLY.calls]
    assert choice.finish_reason == "tool_calls"
    assert completion.usage.prompt_tokens == 1150
    assert completion.usage.prompt_tokens_details.cached_tokens == 1000
    assert completion.usage.completion_tokens == 70
    assert completion.usage.completion_tokens_details.reasoning_tokens == 20


@pytest.mark.parametrize("stream", [True, False])
def test_a_refusal_reaches_the_openai_sdk_as_refusal(standin: StandIn, chat: openai.OpenAI, stream: bool) -> None:
    standin.script(Reply((Refusal("I will not do that."),)))

    message = ask_chat(chat, stream=stream).choices[0].message

    assert message.refusal == "I will not do that."
    assert not message.content
