"""OpenAI's SDK at the door of Responses: what it adds up is what the model meant, whatever dialect the model speaks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import openai
import pytest
from msgspec.structs import replace
from openai.types.responses import Response

from tests.clients.upstreams import UPSTREAMS, Stage, everywhere, model_of
from tests.sdks.stage import DOT, PDF, REPLY, SCHEMA, TOOL_SCHEMA
from tests.standin import Dialect, Reply, Shape, Text, said
from tests.standin.responders import echo

TOOLS: list[Any] = [
    {"type": "function", "name": name, "description": name, "parameters": TOOL_SCHEMA, "strict": False}
    for name in ("Write", "Bash")
]
STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
EVERYWHERE = pytest.mark.parametrize("dialect", UPSTREAMS)
SHAPES = {
    "plain": Shape(),
    "byte": Shape(writes="byte"),
    "crlf": Shape(newline="\r\n", comments=True),
    "unknown": Shape(unknown_events=True),
}
CALLS = {"gigachat": 1}
"""Calls that one answer holds, where it holds not both."""


@pytest.fixture(scope="module")
def _stage(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Stage]:
    with everywhere(tmp_path_factory.mktemp("gateway")) as opened:
        yield opened


@pytest.fixture
def stage(_stage: Stage) -> Stage:
    for upstream in _stage.upstreams.values():
        upstream.forget()
        upstream.responder = echo
    return _stage


@pytest.fixture(scope="module")
def client(_stage: Stage) -> Iterator[openai.OpenAI]:
    with openai.OpenAI(base_url=f"{_stage.url}/v1", api_key="key", max_retries=0) as client:
        yield client


def ask(client: openai.OpenAI, dialect: Dialect, *, stream: bool, **members: Any) -> Response:
    body: dict[str, Any] = {"model": model_of(dialect), "input": "hello", "store": False, **members}
    if not stream:
        response = client.responses.create(**body)
        assert isinstance(response, Response)
        return response
    with client.responses.stream(**body) as events:
        return events.get_final_response()


@STREAMED
@EVERYWHERE
@pytest.mark.parametrize(
    "shape", [pytest.param(name, marks=() if name == "plain" else (pytest.mark.slow,)) for name in SHAPES]
)
def test_it_reads_what_the_model_meant(
    stage: Stage, client: openai.OpenAI, dialect: Dialect, stream: bool, shape: str
) -> None:
    stage.upstreams[dialect].script(replace(REPLY, shape=SHAPES[shape]))

    response = ask(client, dialect, stream=stream, tools=TOOLS, include=["reasoning.encrypted_content"])

    thoughts = [part.text for item in response.output if item.type == "reasoning" for part in item.summary]
    calls = [item for item in response.output if item.type == "function_call"]
    assert "".join(thoughts) == REPLY.thinking
    assert response.output_text == REPLY.text
    meant = REPLY.calls[: CALLS.get(dialect)]
    assert [(call.name, json.loads(call.arguments)) for call in calls] == [
        (call.name, json.loads(call.arguments)) for call in meant
    ]
    assert len({call.call_id for call in calls}) == len(meant)
    assert (response.status, response.model) == ("completed", model_of(dialect))
    usage = response.usage
    assert usage is not None
    assert (usage.input_tokens, usage.input_tokens_details.cached_tokens, usage.output_tokens) == (1100, 1000, 70)


@STREAMED
@EVERYWHERE
def test_a_conversation_goes_on(stage: Stage, client: openai.OpenAI, dialect: Dialect, stream: bool) -> None:
    stage.upstreams[dialect].script(REPLY)
    first = ask(client, dialect, stream=stream, tools=TOOLS, include=["reasoning.encrypted_content"])
    own: Any = {"parsed_arguments": True, "content": {"__all__": {"parsed"}}}
    items = [item.model_dump(exclude_unset=True, exclude=own) for item in first.output]
    results = [
        {"type": "function_call_output", "call_id": item.call_id, "output": "done"}
        for item in first.output
        if item.type == "function_call"
    ]
    stage.upstreams[dialect].script(said("Done."))

    second = ask(
        client, dialect, stream=stream, tools=TOOLS, input=[{"role": "user", "content": "go"}, *items, *results]
    )

    assert second.output_text == "Done."
    assert [seen.refused for seen in stage.upstreams[dialect].requests] == [None, None]


@STREAMED
@EVERYWHERE
@pytest.mark.parametrize(("stop", "reason"), [("length", "max_output_tokens"), ("refusal", "content_filter")])
def test_an_answer_that_was_stopped_says_why(
    stage: Stage, client: openai.OpenAI, dialect: Dialect, stop: Any, reason: str, stream: bool
) -> None:
    stage.upstreams[dialect].script(Reply((Text("so far"),), stop=stop))

    answer: Any = client.responses.create(model=model_of(dialect), input="x", stream=stream)
    response = [*answer][-1].response if stream else answer

    assert (response.status, response.incomplete_details.reason) == ("incomplete", reason)
    assert response.output_text == "so far"


@STREAMED
@EVERYWHERE
def test_structured_output_follows_its_schema(
    stage: Stage, client: openai.OpenAI, dialect: Dialect, stream: bool
) -> None:
    shape = {"type": "json_schema", "name": "title", "strict": True, "schema": SCHEMA}

    response = ask(client, dialect, stream=stream, text={"format": shape})

    assert json.loads(response.output_text) == {"title": "A short title", "count": 1}


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat", "openai_responses", "gemini"])
def test_images_and_documents_reach_the_model(stage: Stage, client: openai.OpenAI, dialect: Dialect) -> None:
    parts = [
        {"type": "input_image", "image_url": f"data:image/png;base64,{DOT}", "detail": "auto"},
        {"type": "input_file", "filename": "a.pdf", "file_data": f"data:application/pdf;base64,{PDF}"},
        {"type": "input_text", "text": "what is it?"},
    ]

    ask(client, dialect, stream=False, input=[{"role": "user", "content": parts}])

    sent = json.dumps(stage.upstreams[dialect].requests[-1].body)
    assert all(word in sent for word in (DOT, PDF, "what is it?"))


@EVERYWHERE
@pytest.mark.parametrize("choice", ["auto", "required", "none", {"type": "function", "name": "Bash"}])
def test_each_tool_choice_is_taken(stage: Stage, client: openai.OpenAI, dialect: Dialect, choice: Any) -> None:
    ask(client, dialect, stream=False, tools=TOOLS, tool_choice=choice, parallel_tool_calls=False)

    assert stage.upstreams[dialect].requests[-1].refused is None


@EVERYWHERE
def test_a_stream_that_breaks_raises(stage: Stage, client: openai.OpenAI, dialect: Dialect) -> None:
    stage.upstreams[dialect].fault("F48.text")

    with pytest.raises((openai.APIError, RuntimeError)):
        ask(client, dialect, stream=True)


@EVERYWHERE
def test_a_refusal_raises_the_sdks_own_exception(stage: Stage, client: openai.OpenAI, dialect: Dialect) -> None:
    stage.upstreams[dialect].fault("F31", times=None)

    with pytest.raises(openai.BadRequestError):
        ask(client, dialect, stream=True)
    with pytest.raises(openai.NotFoundError, match="no-such-model"):
        client.responses.create(model="no-such-model", input="hello")


@EVERYWHERE
def test_tokens_are_counted(stage: Stage, client: openai.OpenAI, dialect: Dialect) -> None:
    counted = client.responses.input_tokens.count(model=model_of(dialect), input="hello", tools=TOOLS)

    assert counted.input_tokens > 1
