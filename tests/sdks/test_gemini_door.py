"""Google's SDK at the door of Gemini: what it hands out is what the model meant, whichever dialect the model speaks."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types
from msgspec.structs import replace

from tests.clients.upstreams import UPSTREAMS, Stage, everywhere, model_of
from tests.sdks.stage import DOT, PDF, REPLY, SCHEMA, TOOL_SCHEMA
from tests.sdks.test_responses_door import CALLS
from tests.standin import Dialect, Reply, Shape, Text, said
from tests.standin.responders import echo

STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
EVERYWHERE = pytest.mark.parametrize("dialect", UPSTREAMS)
DECLARED = [{"name": name, "description": name, "parameters_json_schema": TOOL_SCHEMA} for name in ("Write", "Bash")]
TOOLS: dict[str, Any] = {"tools": [{"function_declarations": DECLARED}]}
SHAPES = {
    "plain": Shape(),
    "byte": Shape(writes="byte"),
    "crlf": Shape(newline="\r\n"),  # without comments, which the SDK does not take, and the vendor does not write
    "unknown": Shape(unknown_events=True),
}


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
def client(_stage: Stage) -> Iterator[genai.Client]:
    client = genai.Client(api_key="key", http_options=types.HttpOptions(base_url=_stage.url))
    yield client
    client.close()


class Heard:
    """An answer's chunks taken together. Mutable: it grows by each."""

    def __init__(self, chunks: list[types.GenerateContentResponse]) -> None:
        self.parts: list[types.Part] = []
        self.reason = ""
        for chunk in chunks:
            for candidate in chunk.candidates or ():
                self.parts += (candidate.content.parts or []) if candidate.content else []
                self.reason = candidate.finish_reason.name if candidate.finish_reason else self.reason
        self.usage = chunks[-1].usage_metadata
        self.text = "".join(part.text or "" for part in self.parts if not part.thought)
        self.thought = "".join(part.text or "" for part in self.parts if part.thought)
        self.calls = [part.function_call for part in self.parts if part.function_call]


def ask(client: genai.Client, dialect: Dialect, *, stream: bool, contents: Any = "hello", **config: Any) -> Heard:
    body: dict[str, Any] = {"model": model_of(dialect), "contents": contents, "config": config}
    if stream:
        return Heard([*client.models.generate_content_stream(**body)])
    return Heard([client.models.generate_content(**body)])


@STREAMED
@EVERYWHERE
@pytest.mark.parametrize(
    "shape", [pytest.param(name, marks=() if name == "plain" else (pytest.mark.slow,)) for name in SHAPES]
)
def test_it_reads_what_the_model_meant(
    stage: Stage, client: genai.Client, dialect: Dialect, stream: bool, shape: str
) -> None:
    stage.upstreams[dialect].script(replace(REPLY, shape=SHAPES[shape]))

    heard = ask(client, dialect, stream=stream, **TOOLS)

    assert (heard.thought, heard.text) == (REPLY.thinking, REPLY.text)
    meant = REPLY.calls[: CALLS.get(dialect)]
    assert [(call.name, call.args) for call in heard.calls] == [
        (call.name, json.loads(call.arguments)) for call in meant
    ]
    assert heard.reason == "STOP"
    usage = heard.usage
    assert usage is not None
    assert (usage.prompt_token_count, usage.cached_content_token_count) == (1100, 1000)
    assert (usage.candidates_token_count or 0) + (usage.thoughts_token_count or 0) == 70


@STREAMED
@EVERYWHERE
def test_a_conversation_goes_on(stage: Stage, client: genai.Client, dialect: Dialect, stream: bool) -> None:
    stage.upstreams[dialect].script(REPLY)
    first = ask(client, dialect, stream=stream, **TOOLS)
    results = [
        types.Part(function_response=types.FunctionResponse(id=call.id, name=call.name, response={"output": "done"}))
        for call in first.calls
    ]
    said_first = [part for part in first.parts if part.model_dump(exclude_none=True) != {"text": ""}]
    stage.upstreams[dialect].script(said("Done."))

    history = [
        types.Content(role="user", parts=[types.Part(text="go")]),
        types.Content(role="model", parts=said_first),
        types.Content(role="user", parts=results),
    ]
    second = ask(client, dialect, stream=stream, contents=history, **TOOLS)

    assert second.text == "Done."
    assert [seen.refused for seen in stage.upstreams[dialect].requests] == [None, None]


@STREAMED
@EVERYWHERE
@pytest.mark.parametrize(("stop", "reason"), [("stop", "STOP"), ("length", "MAX_TOKENS"), ("refusal", "SAFETY")])
def test_each_stop_reason_arrives(
    stage: Stage, client: genai.Client, dialect: Dialect, stop: Any, reason: str, stream: bool
) -> None:
    stage.upstreams[dialect].script(Reply((Text("so far"),), stop=stop))

    heard = ask(client, dialect, stream=stream)

    assert (heard.text, heard.reason) == ("so far", reason)


@STREAMED
@EVERYWHERE
def test_structured_output_follows_its_schema(
    stage: Stage, client: genai.Client, dialect: Dialect, stream: bool
) -> None:
    shape: dict[str, Any] = {"response_mime_type": "application/json", "response_json_schema": SCHEMA}

    heard = ask(client, dialect, stream=stream, **shape)

    assert json.loads(heard.text) == {"title": "A short title", "count": 1}


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat", "openai_responses", "gemini"])
def test_images_and_documents_reach_the_model(stage: Stage, client: genai.Client, dialect: Dialect) -> None:
    parts = [
        types.Part.from_bytes(data=base64.b64decode(DOT), mime_type="image/png"),
        types.Part.from_bytes(data=base64.b64decode(PDF), mime_type="application/pdf"),
        types.Part(text="what is it?"),
    ]

    ask(client, dialect, stream=False, contents=[types.Content(role="user", parts=parts)])

    sent = json.dumps(stage.upstreams[dialect].requests[-1].body).replace("-", "+").replace("_", "/")
    assert all(word in sent for word in (DOT, PDF, "what is it?"))


@EVERYWHERE
def test_a_stream_that_breaks_raises(stage: Stage, client: genai.Client, dialect: Dialect) -> None:
    stage.upstreams[dialect].fault("F48.text")

    with pytest.raises(errors.APIError):
        ask(client, dialect, stream=True)


@EVERYWHERE
def test_a_refusal_raises_the_sdks_own_exception(stage: Stage, client: genai.Client, dialect: Dialect) -> None:
    stage.upstreams[dialect].fault("F31", times=None)

    with pytest.raises(errors.ClientError) as caught:
        ask(client, dialect, stream=True)
    assert (caught.value.code, caught.value.status) == (400, "INVALID_ARGUMENT")
    with pytest.raises(errors.ClientError, match="no-such-model"):
        client.models.generate_content(model="no-such-model", contents="hello")


@EVERYWHERE
def test_tokens_are_counted_and_models_listed(stage: Stage, client: genai.Client, dialect: Dialect) -> None:
    counted = client.models.count_tokens(model=model_of(dialect), contents="hello")

    assert (counted.total_tokens or 0) > 0
    assert f"models/{model_of(dialect)}" in [model.name for model in client.models.list()]
