"""OpenAI's official SDK, pointed straight at the stand-in's Responses, reads what the script meant."""

from __future__ import annotations

import json
from collections.abc import Iterator
from itertools import product
from typing import Any, get_args

import openai
import pytest
from msgspec.structs import replace
from openai.types.responses import CompactedResponse, Response, ResponseStreamEvent
from pydantic import ValidationError

from tests.standin import EVERY_KIND, Call, Refusal, Reply, Shape, StandIn, Text, Thinking, Usage, said
from tests.standin.published import type_problems

REPLY = Reply(
    (
        Thinking("Подумаю: two files, then a run."),
        Text("Сначала напишу файл ✓ 🎉."),
        Call("Write", '{"file_path": "/tmp/a b.py", "content": "print(\\"привет\\")\\n"}', "call_one"),
        Call("Bash", '{"command": "ls -la"}', "call_two"),
    ),
    usage=Usage(input=100, cache_read=1000, cache_write=50, output=70, thinking=20),
)

SHAPES = {
    "plain": Shape(),
    "byte": Shape(writes="byte"),
    "whole": Shape(writes="whole", text="whole", arguments="whole"),
    "random": Shape(writes="random", seed=7, text="chars", arguments="chars"),
    "crlf": Shape(newline="\r\n", comments=True, blank_after_colon=False),
    "cr": Shape(newline="\r"),
    "multiline": Shape(multiline_data=True),
    "gzip": Shape(gzip=True),
    "done": Shape(ending="foreign"),
    "interleaved": Shape(calls="interleaved"),
}

SCHEMA = {"type": "object", "properties": {"command": {"type": "string"}}}
TOOLS: list[Any] = [
    {"type": "function", "name": name, "parameters": SCHEMA, "strict": False} for name in ("Write", "Bash")
]
SEALED: Any = {"store": False, "include": ["reasoning.encrypted_content"]}
PATCH = "*** Begin Patch\n*** Add File: a\n+x\n*** End Patch"


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn() as upstream:
        yield upstream


@pytest.fixture
def client(standin: StandIn) -> Iterator[openai.OpenAI]:
    standin.forget()
    with openai.OpenAI(base_url=f"{standin.url}/v1", api_key="key", max_retries=0) as client:
        yield client


def ask(client: openai.OpenAI, *, stream: bool, **members: Any) -> Response:
    body: dict[str, Any] = {"model": "gpt-5.5", "input": "hello", "tools": TOOLS, **SEALED, **members}
    if not stream:
        response = client.responses.create(**body)
        assert isinstance(response, Response)
        return response
    with client.responses.stream(**body) as events:
        return events.get_final_response()


def items(response: Response) -> list[dict[str, Any]]:
    """The output as it goes back into a history."""
    own: Any = {"parsed_arguments": True, "content": {"__all__": {"parsed"}}}
    return [item.model_dump(exclude_unset=True, exclude=own) for item in response.output]


KINDS = get_args(get_args(ResponseStreamEvent)[0])
EVENTS = {get_args(kind.model_fields["type"].annotation)[0]: kind for kind in KINDS}


def event_problems(event: dict[str, Any]) -> list[str]:
    """What the SDK's own type has against an event; members that it does not know are problems too."""
    try:
        EVENTS[event["type"]].model_validate(event, extra="forbid")
    except ValidationError as found:
        return [f"{event['type']}: {each['loc']}: {each['msg']}" for each in found.errors()]
    return []


@pytest.mark.parametrize(("shape", "stream"), [*product(SHAPES, (True, False))])
def test_it_reads_what_the_script_meant(standin: StandIn, client: openai.OpenAI, shape: str, stream: bool) -> None:
    standin.script(replace(REPLY, shape=SHAPES[shape]))

    response = ask(client, stream=stream)

    thinking, text, *calls = response.output
    assert thinking.type == "reasoning"
    assert [part.text for part in thinking.summary] == [REPLY.thinking]
    assert thinking.encrypted_content == standin.signer.hide(REPLY.thinking)
    assert text.type == "message"
    assert response.output_text == REPLY.text
    for call, meant in zip(calls, REPLY.calls, strict=True):
        assert call.type == "function_call"
        assert (call.call_id, call.name, call.arguments) == (meant.id, meant.name, meant.arguments)
    assert response.status == "completed"
    usage = response.usage
    assert usage is not None
    assert (usage.input_tokens, usage.output_tokens, usage.total_tokens) == (1150, 70, 1220)
    assert (usage.input_tokens_details.cached_tokens, usage.input_tokens_details.cache_write_tokens) == (1000, 50)
    assert usage.output_tokens_details.reasoning_tokens == 20


@pytest.mark.parametrize("shape", [*SHAPES, "reasoning"])
def test_every_event_is_one_of_the_published(standin: StandIn, client: openai.OpenAI, shape: str) -> None:
    standin.script(
        Reply(
            (*REPLY.parts[:2], Refusal("But not that."), Call("apply_patch", PATCH), *REPLY.parts[2:]),
            shape=SHAPES.get(shape, Shape(reasoning="reasoning")),
        )
    )
    tools = [*TOOLS, {"type": "custom", "name": "apply_patch"}]

    body: dict[str, Any] = {"model": "gpt-5.5", "input": "x", "tools": tools, "stream": True}
    raw = [event.to_dict() for event in client.responses.create(**body, **SEALED)]

    assert [problem for event in raw for problem in event_problems(event)] == []
    assert [event["sequence_number"] for event in raw] == list(range(len(raw)))


@pytest.mark.parametrize("stream", [True, False])
def test_a_conversation_goes_on(standin: StandIn, client: openai.OpenAI, stream: bool) -> None:
    standin.script(REPLY)
    first = ask(client, stream=stream)
    results = [{"type": "function_call_output", "call_id": call.id, "output": "done"} for call in REPLY.calls]
    history = [{"role": "user", "content": "hello"}, *items(first), *results]
    standin.script(said("Done."))

    second = ask(client, stream=stream, input=history)

    assert second.output_text == "Done."
    assert type_problems("openai_responses", standin.requests[-1].body) == []


@pytest.mark.parametrize("stream", [True, False])
def test_free_text_namespaces_and_the_search_for_tools_have_forms_of_their_own(
    standin: StandIn, client: openai.OpenAI, stream: bool
) -> None:
    tools = [
        {"type": "custom", "name": "apply_patch", "format": {"type": "grammar", "syntax": "lark", "definition": "x"}},
        {"type": "namespace", "name": "agents", "description": "d", "tools": [TOOLS[0]]},
        {"type": "tool_search", "execution": "client", "parameters": SCHEMA},
    ]
    calls = (("apply_patch", PATCH), ("agents.Write", "{}"), ("tool_search", '{"a": 1}'))
    standin.script(Reply(tuple(Call(name, text, f"c{place}") for place, (name, text) in enumerate(calls, start=1))))

    response = ask(client, stream=stream, tools=tools)

    patch, write, search = response.output
    assert patch.type == "custom_tool_call"
    assert (patch.call_id, patch.name, patch.input) == ("c1", "apply_patch", PATCH)
    assert write.type == "function_call"
    assert (write.call_id, write.namespace, write.name) == ("c2", "agents", "Write")
    assert search.type == "tool_search_call"
    assert (search.call_id, search.arguments) == ("c3", {"a": 1})
    answers = [
        {"type": "custom_tool_call_output", "call_id": "c1", "output": "patched"},
        {"type": "function_call_output", "call_id": "c2", "output": [{"type": "input_text", "text": "ok"}]},
        {"type": "tool_search_output", "call_id": "c3", "execution": "client", "tools": [TOOLS[1]]},
    ]
    ask(client, stream=stream, tools=tools, input=[{"role": "user", "content": "x"}, *items(response), *answers])
    assert standin.requests[-1].refused is None


@pytest.mark.parametrize("stream", [True, False])
@pytest.mark.parametrize(("stop", "reason"), [("length", "max_output_tokens"), ("refusal", "content_filter")])
def test_an_answer_that_was_stopped_says_why(
    standin: StandIn, client: openai.OpenAI, stop: Any, reason: str, stream: bool
) -> None:
    standin.script(Reply((Text("so far"),), stop=stop))

    body: dict[str, Any] = {"model": "gpt-5.5", "input": "x", "stream": stream}
    answer = client.responses.create(**body)
    response = [*answer][-1].response if stream else answer

    assert (response.status, response.incomplete_details.reason) == ("incomplete", reason)
    assert response.output_text == "so far"


def test_structured_output_follows_its_schema(standin: StandIn, client: openai.OpenAI) -> None:
    shape = {"type": "json_schema", "name": "x", "schema": SCHEMA | {"required": ["command"]}}

    response = ask(client, stream=False, text={"format": shape})

    assert json.loads(response.output_text) == {"command": "A short title"}


def test_an_error_event_raises(standin: StandIn, client: openai.OpenAI) -> None:
    standin.fault("F57", reply=EVERY_KIND)

    with pytest.raises(openai.APIError, match="Overloaded"):
        ask(client, stream=True)


def test_an_answer_that_failed_is_no_answer(standin: StandIn, client: openai.OpenAI) -> None:
    standin.fault("F57.failed", reply=EVERY_KIND)

    with pytest.raises(RuntimeError, match="completed"):
        ask(client, stream=True)


def test_tokens_are_counted_and_conversations_compacted(standin: StandIn, client: openai.OpenAI) -> None:
    counted = client.responses.input_tokens.count(model="gpt-5.5", input="hello")
    compacted = client.responses.compact(model="gpt-5.5", input=[{"role": "user", "content": "hello"}])

    assert counted.input_tokens > 1
    assert isinstance(compacted, CompactedResponse)
    [sealed] = [item.model_dump(exclude_unset=True) for item in compacted.output]
    ask(client, stream=False, input=[sealed, {"role": "user", "content": "on"}])
    assert standin.requests[-1].refused is None


def test_a_refused_request_raises_with_the_vendors_words(standin: StandIn, client: openai.OpenAI) -> None:
    with pytest.raises(openai.BadRequestError) as caught:
        ask(client, stream=False, max_output_tokens=1)

    assert caught.value.code == "integer_below_min_value"
    assert caught.value.param == "max_output_tokens"
