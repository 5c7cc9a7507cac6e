"""The official GigaChat SDK, pointed at the stand-in: it reads what was meant, and is refused as the vendor refuses."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import Any

import pytest
from gigachat import GigaChat
from gigachat.exceptions import (
    AuthenticationError,
    BadRequestError,
    NotFoundError,
    RateLimitError,
    UnprocessableEntityError,
)
from gigachat.models import Chat

from tests.standin import Call, Reply, Shape, StandIn, Text, Thinking, Usage
from tests.standin.gigachat_office import SCOPES
from tests.standin.rules import Rules

KEY = base64.b64encode(b"client:secret").decode()
MODEL = "GigaChat-2-Max"
FUNCTION = {
    "name": "Read",
    "description": "Reads a file.",
    "parameters": {"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]},
}
READ = Reply((Text("I read it."), Call("Read", '{"path": "ёж.py"}')), usage=Usage(10, 7, 0, 5))


@pytest.fixture
def upstream() -> Iterator[StandIn]:
    with StandIn(dialects=("gigachat",), api_key=KEY) as standin:
        yield standin


def client(upstream: StandIn, **settings: Any) -> GigaChat:
    members = {"credentials": KEY, "scope": SCOPES[0], "model": MODEL, **settings}
    return GigaChat(base_url=f"{upstream.url}/api/v1", auth_url=f"{upstream.url}/api/v2/oauth", **members)


def asked(**members: Any) -> Chat:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "Читай"}], "functions": [FUNCTION], **members}
    return Chat.model_validate(body)


def test_the_sdk_reads_a_whole_call_with_its_state_and_counts(upstream: StandIn) -> None:
    upstream.script(READ)
    with client(upstream) as giga:
        answer = giga.chat(asked(function_call="auto"))
    choice = answer.choices[0]
    assert choice.finish_reason == "function_call"
    assert choice.message.content == "I read it."
    assert choice.message.function_call is not None
    assert choice.message.function_call.arguments == {"path": "ёж.py"}
    assert choice.message.functions_state_id is not None
    assert answer.usage.prompt_tokens == 17
    assert answer.usage.precached_prompt_tokens == 7
    assert answer.model.startswith(f"{MODEL}:")


@pytest.mark.parametrize("shape", [Shape(), Shape(calls="with_finish"), Shape(writes="byte", text="chars")])
def test_the_sdk_reads_a_streamed_call(upstream: StandIn, shape: Shape) -> None:
    upstream.shape = shape
    upstream.script(Reply((Thinking("Hm."), *READ.parts)))
    with client(upstream) as giga:
        chunks = list(giga.stream(asked(function_call="auto")))
    deltas = [chunk.choices[0].delta for chunk in chunks]
    assert "".join(delta.content or "" for delta in deltas) == "I read it."
    assert "".join(delta.reasoning_content or "" for delta in deltas) == "Hm."
    calls = [delta.function_call for delta in deltas if delta.function_call]
    assert [(call.name, call.arguments) for call in calls] == [("Read", {"path": "ёж.py"})]
    assert [chunk.choices[0].finish_reason for chunk in chunks if chunk.choices[0].finish_reason] == ["function_call"]
    assert chunks[-1].usage is not None


def test_several_wishes_are_told_turn_by_turn(upstream: StandIn) -> None:
    wishes = Reply((Call("Read", '{"path": "a"}'), Call("Read", '{"path": "b"}')))
    upstream.script(wishes, times=2)
    with client(upstream) as giga:
        first = giga.chat(asked())
        made = first.choices[0].message
        messages = [
            {"role": "user", "content": "Читай"},
            made.model_dump(exclude_none=True),
            {"role": "function", "name": "Read", "content": '{"result": "text"}'},
        ]
        second = giga.chat(asked(messages=messages))
    told = [answer.choices[0].message.function_call for answer in (first, second)]
    assert [call.arguments for call in told if call] == [{"path": "a"}, {"path": "b"}]


def test_tokens_are_renewed_once_and_refused_as_the_vendor_refuses(upstream: StandIn) -> None:
    with client(upstream) as giga:
        giga.chat(asked())
        upstream.office.expire()
        giga.chat(asked())
    assert len(upstream.office.issued) == 2
    for settings, wanted in (
        ({"credentials": base64.b64encode(b"other:one").decode()}, AuthenticationError),
        ({"scope": SCOPES[1]}, BadRequestError),
        ({"scope": "NONSENSE"}, BadRequestError),
        ({"scope": ""}, BadRequestError),
    ):
        with client(upstream, **settings) as giga, pytest.raises(wanted, match='"code"'):
            giga.get_token()


def test_user_and_password_give_a_token_too(upstream: StandIn) -> None:
    with client(upstream, credentials=None, user="u", password="p") as giga:
        giga.chat(asked())
    assert len(upstream.office.issued) == 1


BAD_HISTORIES: dict[str, list[dict[str, Any]]] = {
    "system message must be the first": [{"role": "user", "content": "a"}, {"role": "system", "content": "b"}],
    "must be followed": [{"role": "assistant", "content": "", "function_call": {"name": "Read", "arguments": {}}}],
    "must follow": [{"role": "function", "name": "Read", "content": "{}"}],
    "must be a JSON object": [
        {"role": "assistant", "content": "", "function_call": {"name": "Read", "arguments": {}}},
        {"role": "function", "name": "Read", "content": "bare text"},
    ],
    "is empty": [{"role": "user", "content": ""}],
}


@pytest.mark.parametrize("words", BAD_HISTORIES)
def test_a_broken_history_is_refused(upstream: StandIn, words: str) -> None:
    with client(upstream) as giga, pytest.raises(UnprocessableEntityError, match=words):
        giga.chat(asked(messages=BAD_HISTORIES[words]))


def test_functions_that_the_vendor_does_not_take_are_refused_and_named(upstream: StandIn) -> None:
    bad = [
        {**FUNCTION, "name": "1st"},
        {**FUNCTION, "name": "web_search"},
        {**FUNCTION, "parameters": {"type": "object", "properties": {"a": {"type": "array"}}}},
    ]
    with client(upstream) as giga:
        for function in bad:
            with pytest.raises(UnprocessableEntityError, match="functions"):
                giga.chat(asked(functions=[function]))
        upstream.rules = Rules(simultaneous=0)
        giga.chat(asked(functions=[FUNCTION], function_call={"name": "Read"}))
        with pytest.raises(UnprocessableEntityError, match="not among"):
            giga.chat(asked(function_call={"name": "Other"}))


def test_a_personal_key_has_one_answer_at_a_time(upstream: StandIn) -> None:
    upstream.rules = Rules(simultaneous=1)
    upstream.shape = Shape(event_delay_s=0.4)
    with client(upstream) as giga, client(upstream) as other:
        stream = giga.stream(asked())
        next(stream)
        with pytest.raises(RateLimitError, match="Too many requests"):
            other.chat(asked())
        list(stream)


def test_files_are_taken_and_shown(upstream: StandIn) -> None:
    with client(upstream) as giga:
        picture = giga.upload_file(("a.png", b"\x89PNG", "image/png"))
        shown = {"role": "user", "content": "Что тут?", "attachments": [picture.id_]}
        giga.chat(asked(messages=[shown]))
        with pytest.raises(BadRequestError, match="webp"):
            giga.upload_file(("a.webp", b"RIFF", "image/webp"))
        with pytest.raises(NotFoundError):
            giga.chat(asked(messages=[{**shown, "attachments": ["none"]}]))


def test_models_counts_and_errors_are_the_vendor_s(upstream: StandIn) -> None:
    upstream.models = (MODEL,)
    with client(upstream) as giga:
        assert {model.id_: model.object_ for model in giga.get_models().data} == {MODEL: "model", "Embeddings": "model"}
        assert giga.get_model(MODEL).id_ == MODEL
        counted = giga.tokens_count(["один", "два слова"], MODEL)
        assert [each.characters for each in counted] == [4, 9]
        with pytest.raises(NotFoundError, match="No such model"):
            giga.chat(asked(model="other"))
        upstream.fault("F20")
        with pytest.raises(RateLimitError) as found:
            giga.chat(asked())
    assert json.loads(found.value.content or b"")["status"] == 429
