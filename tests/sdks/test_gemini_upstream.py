"""Anthropic's and OpenAI's SDKs on a model that speaks Gemini: what they add up is what the model meant.

The stand-in is strict as the newest models are, so that whatever reaches it is a claim too: nothing is refused.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import msgspec
import openai
import pytest

from tests.clients.gateway import Upstream, gateway
from tests.sdks.stage import DOT, PDF, REPLY, SCHEMA, TOOL_SCHEMA
from tests.standin import Ask, Call, Reply, Shape, StandIn, Text, echo, said
from tests.standin.check_gemini import SKIP
from tests.standin.reply import Stop
from tests.standin.responders import Responder

MODEL = "gemini-3.8-flash"
TOOLS: list[Any] = [{"name": name, "description": name, "input_schema": TOOL_SCHEMA} for name in ("Write", "Bash")]
HELLO: list[Any] = [{"role": "user", "content": "hello"}]
STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
SHAPES = {
    "plain": Shape(),
    "byte": Shape(writes="byte"),
    "crlf": Shape(newline="\r\n", comments=True),
    "every": Shape(pings=True, unknown_events=True, text="chars"),
}


class Scene(msgspec.Struct, frozen=True):
    """A vendor, and the SDKs in front of the gateway before it."""

    upstream: StandIn
    claude: anthropic.Anthropic
    chat: openai.OpenAI

    def ask(self, *, stream: bool = True, **members: Any) -> anthropic.types.Message:
        """The message that Anthropic's SDK makes of the answer."""
        body: dict[str, Any] = {"model": MODEL, "max_tokens": 1000, "messages": HELLO, **members}
        if stream:
            with self.claude.messages.stream(**body) as events:
                return events.get_final_message()
        message = self.claude.messages.create(**body)
        assert isinstance(message, anthropic.types.Message)
        return message

    @property
    def asked(self) -> dict[str, Any]:
        """The last body that reached the vendor, which took it."""
        seen = self.upstream.requests[-1]
        assert seen.refused is None
        body: dict[str, Any] = seen.body
        return body


@pytest.fixture(scope="module")
def _scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with (
        StandIn(dialects=("gemini",), models=(MODEL, "gemini-2.5-flash", "gemini-2.0-flash")) as upstream,
        gateway(
            tmp_path_factory.mktemp("gateway"),
            Upstream(url=upstream.url, provider="gemini", models=(MODEL, "gemini-2.5-flash", "gemini-2.0-flash")),
            in_turn=False,
        ) as door,
        anthropic.Anthropic(base_url=door.url, api_key="key", max_retries=0) as claude,
        openai.OpenAI(base_url=f"{door.url}/v1", api_key="key", max_retries=0) as chat,
    ):
        yield Scene(upstream, claude, chat)


@pytest.fixture
def scene(_scene: Scene) -> Scene:
    _scene.upstream.forget()
    _scene.upstream.responder = echo
    return _scene


@STREAMED
@pytest.mark.parametrize("shape", SHAPES)
def test_it_reads_what_the_model_meant(scene: Scene, stream: bool, shape: str) -> None:
    scene.upstream.script(msgspec.structs.replace(REPLY, shape=SHAPES[shape]))

    message = scene.ask(stream=stream, tools=TOOLS)

    shown = [block for block in message.content if block.type != "thinking" or block.thinking]
    thinking, text, *calls = shown
    assert thinking.type == "thinking"
    assert thinking.thinking == REPLY.thinking
    assert text.type == "text"
    assert text.text == REPLY.text
    for call, meant in zip(calls, REPLY.calls, strict=True):
        assert call.type == "tool_use"
        assert (call.id, call.name, call.input) == (meant.id, meant.name, json.loads(meant.arguments))
    assert message.stop_reason == "tool_use"
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (100, 1000, 70)


@STREAMED
@pytest.mark.parametrize(
    ("stop", "told"), [("stop", "end_turn"), ("length", "max_tokens"), ("refusal", "refusal"), ("pause", "max_tokens")]
)
def test_each_stop_reason_arrives(scene: Scene, stop: Stop, told: str, stream: bool) -> None:
    scene.upstream.script(Reply((Text("so far"),), stop=stop))
    assert scene.ask(stream=stream).stop_reason == told


@STREAMED
def test_signatures_come_back_to_the_vendor_through_a_whole_conversation(scene: Scene, stream: bool) -> None:
    messages = list(HELLO)
    for calls in ((Call("Write", '{"command": "a"}'), Call("Bash", '{"command": "b"}')), (Call("Bash", "{}"),), ()):
        scene.upstream.script(Reply((*REPLY.parts[:2], *calls)))
        message = scene.ask(stream=stream, tools=TOOLS, messages=messages)
        results = [
            {"type": "tool_result", "tool_use_id": block.id, "content": "done"}
            for block in message.content
            if block.type == "tool_use"
        ]
        messages += [
            {"role": "assistant", "content": [block.to_dict() for block in message.content]},
            {"role": "user", "content": [*results, {"type": "text", "text": "Go on."}]},
        ]
    scene.upstream.script(said("end"))
    scene.ask(stream=stream, tools=TOOLS, messages=messages)
    told = json.dumps(scene.asked)
    # The last one is a text's: a stream has no place for it where its words had left before it came.
    assert told.count("thoughtSignature") in ((2, 3) if stream else (3,))
    for call in (part for turn in scene.asked["contents"] for part in turn["parts"] if "functionCall" in part):
        first = call["functionCall"]["args"] != {"command": "b"}
        assert ("thoughtSignature" in call) is first, "only the first of parallel calls is signed"
    assert SKIP not in told
    assert told.count('"thought": true') == 3


def test_signatures_come_back_through_a_chat_client_too(scene: Scene) -> None:
    scene.upstream.script(Reply((*REPLY.parts[:2], Call("Bash", '{"command": "b"}', "c1"))))
    tools: list[Any] = [{"type": "function", "function": {"name": "Bash", "parameters": TOOL_SCHEMA}}]
    answer = scene.chat.chat.completions.create(model=MODEL, messages=HELLO, tools=tools)
    message = answer.choices[0].message.to_dict()
    result = {"role": "tool", "tool_call_id": "c1", "content": "done"}
    messages: list[Any] = [*HELLO, message, result]
    scene.upstream.script(said("end"))
    scene.chat.chat.completions.create(model=MODEL, messages=messages, tools=tools)
    told = json.dumps(scene.asked)
    assert told.count("thoughtSignature") == 1
    assert SKIP not in told


def test_a_conversation_begun_elsewhere_goes_on(scene: Scene) -> None:
    messages = [
        *HELLO,
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "foreign", "signature": "c2lnbmVkIGJ5IG90aGVycw=="},
                {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "a"}},
            ],
        },
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "toolu_1", "content": "done"}]},
    ]
    scene.ask(tools=TOOLS, messages=messages)
    assert SKIP in json.dumps(scene.asked)
    assert "foreign" not in json.dumps(scene.asked)


@pytest.mark.parametrize("model", [MODEL, "gemini-2.5-flash", "gemini-2.0-flash"])
def test_pictures_documents_and_forty_tools_with_odd_names_are_taken(scene: Scene, model: str) -> None:
    def block(kind: str, media_type: str, data: str) -> dict[str, Any]:
        return {"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}}

    properties = {"$filter": {"type": "string"}, "@odata": {"enum": [1, 2]}, "format": {"type": "string"}}
    tools = [
        {
            "name": f"mcp__server-with-a-long-name__{'tool' * 15}_{number}",
            "description": "One of many.",
            "input_schema": {"$schema": "x", "type": "object", "properties": properties, "required": ["$filter"]},
        }
        for number in range(40)
    ]
    name = tools[7]["name"]
    call = {"type": "tool_use", "id": "toolu_1", "name": name, "input": {"$filter": "a", "@odata": 2}}
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [block("image", "image/png", DOT)]}
    messages = [
        {"role": "user", "content": [block("image", "image/png", DOT), block("document", "application/pdf", PDF)]},
        {"role": "assistant", "content": [call]},
        {"role": "user", "content": [result, {"type": "text", "text": "And?"}]},
    ]
    scene.upstream.responder = _calling(scene, 7)
    message = scene.ask(model=model, messages=messages, tools=tools)
    assert scene.asked
    called = next(block for block in message.content if block.type == "tool_use")
    assert (called.name, called.input) == (name, {"$filter": "b", "@odata": 1})


def _calling(scene: Scene, number: int) -> Responder:
    """Answers with a call of the tool of this place, as it was offered."""

    def respond(_: Ask) -> Reply:
        declared = scene.upstream.requests[-1].body["tools"][0]["functionDeclarations"][number]
        arguments: dict[str, Any] = {"$filter": "b", "@odata": 1}
        if "parametersJsonSchema" not in declared:
            names = sorted(declared["parameters"]["properties"])
            filtered = next(name for name in names if "filter" in name)
            data = next(name for name in names if "odata" in name)
            arguments = {filtered: "b", data: "1"}
        return Reply((Call(declared["name"], json.dumps(arguments)),))

    return respond


def test_a_shape_of_the_answer_is_kept(scene: Scene) -> None:
    scene.ask(output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    assert scene.asked["generationConfig"]["responseJsonSchema"] == SCHEMA


def test_tokens_are_counted_by_the_vendor(scene: Scene) -> None:
    counted = scene.claude.messages.count_tokens(model=MODEL, messages=HELLO, tools=TOOLS)
    assert counted.input_tokens > 10
    seen = scene.upstream.side_requests[-1]
    assert (seen.path, seen.refused) == (f"/v1beta/models/{MODEL}:countTokens", None)


@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [
        ("F32.gemini_list", 400, "prompt is too long: 1200000 tokens > 1048576 maximum"),
        ("F25", 502, "The server had an error"),
        ("F22", 429, "rate limit"),
        ("empty", 502, "without having said anything"),
    ],
)
@STREAMED
def test_what_the_vendor_cannot_answer_is_told_truly(
    scene: Scene, fault: str, status: int, words: str, stream: bool
) -> None:
    scene.upstream.fault(fault, times=None)
    with pytest.raises(anthropic.APIStatusError) as found:
        scene.ask(stream=stream)
    assert found.value.status_code == status
    assert words in found.value.message


@pytest.mark.parametrize("fault", ["F52.text", "F48.text", "F53.text", "F57"])
def test_a_stream_cut_after_content_never_ends_well(scene: Scene, fault: str) -> None:
    scene.upstream.fault(fault)
    with pytest.raises((anthropic.APIError, anthropic.APIConnectionError)):
        scene.ask()
