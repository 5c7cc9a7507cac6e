"""OpenAI's SDK at its door: what it adds up is what the model meant, whichever dialect the model speaks."""

from __future__ import annotations

import json
from itertools import product
from typing import Any

import msgspec
import openai
import pytest
from openai.lib.streaming.chat import ChatCompletionStreamState

from tests.clients.gateway import Wire
from tests.sdks.stage import DOT, MODELS, PDF, REPLY, SCHEMA, TOOL_SCHEMA, WIRES, Stage
from tests.standin import Call, Refusal, Reply, Shape, Text, said
from tests.standin.reply import Stop

TOOLS = [
    {"type": "function", "function": {"name": name, "description": name, "parameters": TOOL_SCHEMA}}
    for name in ("Write", "Bash")
]
HELLO = [{"role": "user", "content": "hello"}]
STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
ON_EACH_WIRE = pytest.mark.parametrize("wire", WIRES)

STOPS: tuple[tuple[Wire, Stop, str], ...] = (
    ("openai_chat", "stop", "stop"),
    ("openai_chat", "length", "length"),
    ("openai_chat", "refusal", "content_filter"),
    ("anthropic", "stop", "stop"),
    ("anthropic", "length", "length"),
    ("anthropic", "stop_sequence", "stop"),
    ("anthropic", "refusal", "content_filter"),
    ("anthropic", "context_full", "length"),
)


def ask(client: openai.OpenAI, wire: Wire, *, stream: bool, **members: Any) -> Any:
    body: dict[str, Any] = {"model": MODELS[wire], "messages": HELLO, **members}
    if not stream:
        return client.chat.completions.create(**body)
    state: ChatCompletionStreamState[None] = ChatCompletionStreamState()
    for chunk in client.chat.completions.create(**body, stream=True, stream_options={"include_usage": True}):
        state.handle_chunk(chunk)
    return state.get_final_completion()


@pytest.mark.parametrize(
    ("wire", "stream", "shape"),
    [*product(WIRES, (True, False), (Shape(), Shape(writes="byte"), Shape(newline="\r\n", comments=True)))],
)
def test_it_reads_what_the_model_meant(
    scene: Stage, chat: openai.OpenAI, wire: Wire, stream: bool, shape: Shape
) -> None:
    scene.script(msgspec.structs.replace(REPLY, shape=shape))

    completion = ask(chat, wire, stream=stream, tools=TOOLS)

    [choice] = completion.choices
    assert choice.message.content == REPLY.text
    if not stream:  # the SDK does not add up members it does not know
        assert choice.message.reasoning_content == REPLY.thinking
    calls = [(call.id, call.function.name, json.loads(call.function.arguments)) for call in choice.message.tool_calls]
    assert calls == [(call.id, call.name, json.loads(call.arguments)) for call in REPLY.calls]
    assert choice.finish_reason == "tool_calls"
    assert completion.model == MODELS[wire]
    usage = completion.usage
    assert (usage.prompt_tokens, usage.completion_tokens, usage.total_tokens) == (1100, 70, 1170)
    assert usage.prompt_tokens_details.cached_tokens == 1000
    assert usage.completion_tokens_details.reasoning_tokens == 20


@ON_EACH_WIRE
def test_thinking_streams_too(scene: Stage, chat: openai.OpenAI, wire: Wire) -> None:
    scene.script(REPLY)

    chunks = chat.chat.completions.create(
        model=MODELS[wire], messages=[{"role": "user", "content": "hello"}], stream=True
    )
    thinking = [
        choice.delta.model_extra.get("reasoning_content") or ""
        for chunk in chunks
        for choice in chunk.choices
        if choice.delta.model_extra
    ]

    assert "".join(thinking) == REPLY.thinking


@STREAMED
@pytest.mark.parametrize(("wire", "stop", "told"), STOPS)
def test_each_stop_reason_arrives(
    scene: Stage, chat: openai.OpenAI, wire: Wire, stop: Stop, told: str, stream: bool
) -> None:
    scene.script(Reply((Text("so far"),), stop=stop, stop_text="END" if stop == "stop_sequence" else None))

    body: dict[str, Any] = {"model": MODELS[wire], "messages": HELLO, "stop": ["END"]}
    if stream:  # read by hand, since the SDK's own adding up raises on some reasons
        choices = [choice for chunk in chat.chat.completions.create(**body, stream=True) for choice in chunk.choices]
        reasons = [choice.finish_reason for choice in choices if choice.finish_reason]
        text = "".join(choice.delta.content or "" for choice in choices)
    else:
        [choice] = chat.chat.completions.create(**body).choices
        reasons, text = [choice.finish_reason], choice.message.content or ""

    assert (reasons, text) == ([told], "so far")


@STREAMED
def test_a_refusal_stays_a_refusal(scene: Stage, chat: openai.OpenAI, stream: bool) -> None:
    scene.script(Reply((Refusal("I will not do that."),)))

    message = ask(chat, "openai_chat", stream=stream).choices[0].message

    assert message.refusal == "I will not do that."
    assert not message.content


@STREAMED
@ON_EACH_WIRE
def test_calls_without_arguments_stay_empty(scene: Stage, chat: openai.OpenAI, wire: Wire, stream: bool) -> None:
    scene.script(Reply((Call("Bash", "{}"),)))

    [call] = ask(chat, wire, stream=stream, tools=TOOLS).choices[0].message.tool_calls

    assert json.loads(call.function.arguments) == {}


@STREAMED
@ON_EACH_WIRE
def test_a_conversation_with_tools_goes_on(scene: Stage, chat: openai.OpenAI, wire: Wire, stream: bool) -> None:
    scene.script(REPLY)
    first = ask(chat, wire, stream=stream, tools=TOOLS)
    message = first.choices[0].message
    history = [
        {"role": "developer", "content": "Be brief."},
        *HELLO,
        {
            "role": "assistant",
            "content": message.content,
            "tool_calls": [
                {
                    "id": call.id,
                    "type": "function",
                    "function": {"name": call.function.name, "arguments": call.function.arguments},
                }
                for call in message.tool_calls
            ],
        },
        {"role": "tool", "tool_call_id": "call_one", "content": "written"},
        {"role": "tool", "tool_call_id": "call_two", "content": [{"type": "text", "text": "a b.py"}]},
    ]
    scene.script(said("Done."))

    second = ask(chat, wire, stream=stream, messages=history, tools=TOOLS)

    assert second.choices[0].message.content == "Done."
    assert [seen.refused for seen in scene.upstream.requests] == [None, None]


@ON_EACH_WIRE
def test_images_and_documents_reach_the_model(scene: Stage, chat: openai.OpenAI, wire: Wire) -> None:
    parts = [
        {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{DOT}"}},
        {"type": "image_url", "image_url": {"url": "https://example.com/a.png", "detail": "low"}},
        {"type": "file", "file": {"filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"}},
        {"type": "text", "text": "what is it?"},
    ]

    ask(chat, wire, stream=False, messages=[{"role": "user", "content": parts}])

    sent = json.dumps(scene.asked)
    assert all(word in sent for word in (DOT, "https://example.com/a.png", PDF, "what is it?"))


@STREAMED
@ON_EACH_WIRE
def test_structured_output_follows_its_schema(scene: Stage, chat: openai.OpenAI, wire: Wire, stream: bool) -> None:
    form = {"type": "json_schema", "json_schema": {"name": "title", "strict": True, "schema": SCHEMA}}

    [choice] = ask(chat, wire, stream=stream, response_format=form).choices

    assert json.loads(choice.message.content) == {"title": "A short title", "count": 1}


@ON_EACH_WIRE
@pytest.mark.parametrize(
    "choice",
    ["auto", "required", "none", {"type": "function", "function": {"name": "Bash"}}],
    ids=["auto", "required", "none", "named"],
)
def test_each_tool_choice_is_taken(scene: Stage, chat: openai.OpenAI, wire: Wire, choice: Any) -> None:
    ask(chat, wire, stream=False, tools=TOOLS, tool_choice=choice, parallel_tool_calls=False)

    assert scene.upstream.requests[-1].refused is None
    if wire == "openai_chat":
        assert scene.asked["tool_choice"] == choice


@ON_EACH_WIRE
def test_what_shapes_the_answer_is_taken(scene: Stage, chat: openai.OpenAI, wire: Wire) -> None:
    ask(
        chat,
        wire,
        stream=False,
        temperature=0.5,
        top_p=0.9,
        max_completion_tokens=100,
        seed=1,
        user="someone",
        metadata={"a": "b"},
        presence_penalty=0.1,
        reasoning_effort="low",
        stop="END",
    )

    assert scene.upstream.requests[-1].refused is None
    limit = scene.asked.get("max_completion_tokens", scene.asked.get("max_tokens"))
    assert limit == 100


@ON_EACH_WIRE
def test_usage_is_streamed_only_when_asked_for(scene: Stage, chat: openai.OpenAI, wire: Wire) -> None:
    chunks = list(
        chat.chat.completions.create(model=MODELS[wire], messages=[{"role": "user", "content": "hello"}], stream=True)
    )

    assert [chunk.usage for chunk in chunks] == [None] * len(chunks)
    assert all(len(chunk.choices) == 1 for chunk in chunks)


def test_models_are_listed_and_looked_up(chat: openai.OpenAI) -> None:
    listed = {model.id for model in chat.models.list()}

    assert set(MODELS.values()) <= listed
    assert chat.models.retrieve(MODELS["openai_chat"]).id == MODELS["openai_chat"]
    with pytest.raises(openai.NotFoundError):
        chat.models.retrieve("no-such-model")


def test_an_unknown_model_is_not_found(chat: openai.OpenAI) -> None:
    with pytest.raises(openai.NotFoundError, match="no-such-model"):
        chat.chat.completions.create(model="no-such-model", messages=[{"role": "user", "content": "hello"}])


@ON_EACH_WIRE
def test_a_stream_that_breaks_raises(scene: Stage, chat: openai.OpenAI, wire: Wire) -> None:
    scene.upstream.fault("F48.text")

    with pytest.raises(openai.APIError):
        ask(chat, wire, stream=True)
