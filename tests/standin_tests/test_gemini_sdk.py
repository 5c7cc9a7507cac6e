"""The official `google-genai` SDK, pointed at the stand-in, reads what the script meant; and what the voice refuses."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from google import genai
from google.genai import errors, types

from tests.standin import Call, Reply, Shape, Signer, StandIn, Text, Thinking, Usage
from tests.standin.check_gemini import SKIP, check_gemini
from tests.standin.rules import Rules
from tests.standin.voice import Refused

REPLY = Reply(
    (
        Thinking("Подумаю: two files, then a run."),
        Text("Сначала напишу файл ✓ 🎉."),
        Call("Write", '{"file_path": "/tmp/a b.py", "content": "print(\\"привет\\")\\n"}', "call_one"),
        Call("Bash", '{"command": "ls -la"}', "call_two"),
    ),
    usage=Usage(input=100, cache_read=1000, output=70, thinking=20),
)
CALLS = [("call_one", "Write"), ("call_two", "Bash")]
USER = {"role": "user", "parts": [{"text": "hi"}]}
SHAPES = {
    "plain": Shape(),
    "byte": Shape(writes="byte"),
    "crlf": Shape(newline="\r\n"),
    "whole": Shape(text="whole", writes="whole"),
    "random": Shape(writes="random", seed=7, text="chars"),
}


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn() as upstream:
        yield upstream


@pytest.fixture
def client(standin: StandIn) -> Iterator[genai.Client]:
    options = types.HttpOptions(base_url=standin.url, api_version="v1beta")
    client = genai.Client(api_key="key", http_options=options)
    yield client
    client.close()


def declared(*names: str) -> list[dict[str, Any]]:
    return [{"functionDeclarations": [{"name": name} for name in names]}]


def test_the_sdk_reads_a_whole_answer(standin: StandIn, client: genai.Client) -> None:
    standin.script(REPLY)
    answer = client.models.generate_content(model="gemini-standin", contents="hello")
    assert answer.text == "Сначала напишу файл ✓ 🎉."
    assert [(call.id, call.name) for call in answer.function_calls or ()] == CALLS
    counts = answer.usage_metadata
    assert counts is not None
    assert (counts.prompt_token_count, counts.cached_content_token_count) == (1100, 1000)
    assert (counts.candidates_token_count, counts.thoughts_token_count) == (50, 20)


@pytest.mark.parametrize("shape", SHAPES)
def test_the_sdk_reads_a_stream(standin: StandIn, client: genai.Client, shape: str) -> None:
    standin.script(Reply(REPLY.parts, usage=REPLY.usage, shape=SHAPES[shape]))
    parts = [
        part
        for chunk in client.models.generate_content_stream(model="gemini-standin", contents="hello")
        for candidate in chunk.candidates or ()
        for part in (candidate.content.parts or () if candidate.content else ())
    ]
    assert "".join(part.text or "" for part in parts if part.thought) == "Подумаю: two files, then a run."
    assert "".join(part.text or "" for part in parts if not part.thought) == "Сначала напишу файл ✓ 🎉."
    calls = [part for part in parts if part.function_call]
    assert [(part.function_call.id, part.function_call.name) for part in calls if part.function_call] == CALLS
    assert [part.thought_signature is not None for part in calls] == [True, False]


def test_the_sdk_is_told_an_error(standin: StandIn, client: genai.Client) -> None:
    standin.fault("F22")
    with pytest.raises(errors.APIError) as found:
        client.models.generate_content(model="gemini-standin", contents="hello")
    assert (found.value.code, found.value.status) == (429, "RESOURCE_EXHAUSTED")


def test_the_sdk_counts_and_lists(standin: StandIn, client: genai.Client) -> None:
    assert (client.models.count_tokens(model="gemini-standin", contents="hello").total_tokens or 0) > 1
    assert next(model.name for model in client.models.list()) == "models/standin-large"
    assert client.models.get(model="standin-small").name == "models/standin-small"


def test_a_wrong_key_is_refused_as_the_vendor_does() -> None:
    with StandIn(api_key="right") as standin:
        options = types.HttpOptions(base_url=standin.url, api_version="v1beta")
        client = genai.Client(api_key="wrong", http_options=options)
        with pytest.raises(errors.ClientError, match="API key not valid"):
            client.models.generate_content(model="gemini-standin", contents="hello")
        client.close()


def call(name: str = "Bash", call_id: str = "c1", **members: Any) -> dict[str, Any]:
    return {"functionCall": {"id": call_id, "name": name, "args": {}}, **members}


def response(name: str = "Bash", call_id: str = "c1") -> dict[str, Any]:
    return {"functionResponse": {"id": call_id, "name": name, "response": {"output": "ok"}}}


def model(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "model", "parts": list(parts)}


def user(*parts: dict[str, Any]) -> dict[str, Any]:
    return {"role": "user", "parts": list(parts)}


SIGNED = {"thoughtSignature": Signer().sign("call:Bash")}
GOOD: dict[str, dict[str, Any]] = {
    "plain": {"contents": [USER]},
    "a signed call": {"contents": [USER, model(call(**SIGNED)), user(response())]},
    "a call of another vendor's": {"contents": [USER, model(call(thoughtSignature=SKIP)), user(response())]},
    "an old call": {"contents": [USER, model(call()), user(response()), model({"text": "done"}), USER]},
    "words behind results": {"contents": [USER, model(call(**SIGNED)), user(response()), user({"text": "and"})]},
    "own tools beside": {
        "contents": [USER],
        "tools": [*declared("Bash"), {"googleSearch": {}}],
        "toolConfig": {"includeServerSideToolInvocations": True},
    },
}
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "unknown member": ({"contents": [USER], "messages": []}, "Unknown name"),
    "unknown word of a part": ({"contents": [user({"text": "a", "type": "text"})]}, "Unknown name"),
    "empty part": ({"contents": [user({"text": ""})]}, "must have a text parameter"),
    "no parts": ({"contents": [user()]}, "must not be empty"),
    "model first": ({"contents": [model({"text": "a"}), USER]}, "begin with a user turn"),
    "model last": ({"contents": [USER, model({"text": "a"})]}, "ending with a model turn"),
    "unsigned": ({"contents": [USER, model(call()), user(response())]}, "missing a thought_signature"),
    "forged": ({"contents": [USER, model(call(thoughtSignature="QUJD")), user(response())]}, "Corrupted"),
    "unanswered": ({"contents": [USER, model(call(**SIGNED)), USER]}, "number of function response parts"),
    "mixed": (
        {"contents": [USER, model(call(**SIGNED)), user(response(), {"text": "and"})]},
        "ending with a model turn",
    ),
    "other id": ({"contents": [USER, model(call(**SIGNED)), user(response(call_id="c2"))]}, "match their"),
    "gif": ({"contents": [user({"inlineData": {"mimeType": "image/gif", "data": "AA=="}})]}, "Unsupported MIME"),
    "long name": ({"contents": [USER], "tools": declared("x" * 129)}, "Invalid function name"),
    "same name twice": ({"contents": [USER], "tools": declared("a", "a")}, "Duplicate"),
    "tools mixed": ({"contents": [USER], "tools": [*declared("a"), {"googleSearch": {}}]}, "cannot be combined"),
    "unknown word of a schema": (
        {
            "contents": [USER],
            "tools": [{"functionDeclarations": [{"name": "a", "parameters": {"type": "object", "$schema": "x"}}]}],
        },
        "Unknown name",
    ),
    "six stops": (
        {"contents": [USER], "generationConfig": {"stopSequences": list("abcdef")}},
        "maximum number of stop",
    ),
    "level and budget": (
        {"contents": [USER], "generationConfig": {"thinkingConfig": {"thinkingLevel": "LOW", "thinkingBudget": 1}}},
        "only set only one",
    ),
    "schema without type": (
        {"contents": [USER], "generationConfig": {"responseJsonSchema": {"type": "object"}}},
        "mime type is not",
    ),
    "choice without tools": (
        {"contents": [USER], "toolConfig": {"functionCallingConfig": {"mode": "ANY"}}},
        "without function_declarations",
    ),
}


@pytest.mark.parametrize("name", GOOD)
def test_it_takes(name: str) -> None:
    check_gemini(json.loads(json.dumps(GOOD[name])), Rules(), Signer())


@pytest.mark.parametrize("name", BAD)
def test_it_refuses(name: str) -> None:
    body, words = BAD[name]
    with pytest.raises(Refused) as found:
        check_gemini(body, Rules(), Signer())
    assert words in found.value.message
