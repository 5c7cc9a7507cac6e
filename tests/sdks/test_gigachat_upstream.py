"""Anthropic's and OpenAI's SDKs on models that speak GigaChat, by either version of its API.

The stand-in is strict as the vendor is, so that whatever reaches it is a claim too: nothing is refused.
"""

from __future__ import annotations

import base64
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
from tests.standin.reply import Stop
from tests.standin.rules import Rules

KEY = base64.b64encode(b"client:secret").decode()
MODELS = {"v1": "GigaChat-2-Max", "v2": "GigaChat-3-Ultra"}
RULES = Rules(allow=frozenset({"json_schema"}))
TOOLS: list[Any] = [{"name": name, "description": name, "input_schema": TOOL_SCHEMA} for name in ("Write", "Bash")]
HELLO: list[Any] = [{"role": "user", "content": "hello"}]
STREAMED = pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
APIS = pytest.mark.parametrize("api", MODELS)
SHAPES = {
    "plain": Shape(calls="interleaved"),
    "call_with_its_finish": Shape(calls="with_finish"),
    "byte": Shape(calls="interleaved", writes="byte"),
    "crlf": Shape(newline="\r\n", comments=True),
    "every": Shape(pings=True, unknown_events=True, text="chars"),
}


class Scene(msgspec.Struct, frozen=True):
    """A vendor, and the SDKs in front of the gateway before it."""

    upstream: StandIn
    claude: anthropic.Anthropic
    chat: openai.OpenAI

    def ask(self, api: str, *, stream: bool = True, **members: Any) -> anthropic.types.Message:
        """The message that Anthropic's SDK makes of the answer."""
        body: dict[str, Any] = {"model": MODELS[api], "max_tokens": 1000, "messages": HELLO, **members}
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
    with StandIn(dialects=("gigachat",), models=MODELS.values(), api_key=KEY, rules=RULES) as upstream:
        settings = (("base_url", f"{upstream.url}/api/v1"), ("api_key", KEY))
        auth = ("options.auth_url", f"{upstream.url}/api/v2/oauth")
        channels = [
            Upstream(
                url=upstream.url,
                provider="gigachat",
                models=(model,),
                settings=(*settings, auth, ("options.api", api), ("limits.simultaneous", 9)),
            )
            for api, model in MODELS.items()
        ]
        with (
            gateway(tmp_path_factory.mktemp("gateway"), *channels, in_turn=False) as door,
            anthropic.Anthropic(base_url=door.url, api_key="key", max_retries=0) as claude,
            openai.OpenAI(base_url=f"{door.url}/v1", api_key="key", max_retries=0) as chat,
        ):
            yield Scene(upstream, claude, chat)


@pytest.fixture
def scene(_scene: Scene) -> Scene:
    _scene.upstream.forget()
    _scene.upstream.responder = echo
    _scene.upstream.shape = Shape()
    _scene.upstream.rules = RULES
    return _scene


@APIS
@STREAMED
@pytest.mark.parametrize("shape", SHAPES)
def test_it_reads_what_the_model_meant(scene: Scene, api: str, stream: bool, shape: str) -> None:
    scene.upstream.script(msgspec.structs.replace(REPLY, shape=SHAPES[shape]))

    message = scene.ask(api, stream=stream, tools=TOOLS)

    thinking, text, *calls = [block for block in message.content if block.type != "thinking" or block.thinking]
    assert thinking.type == "thinking"
    assert thinking.thinking == REPLY.thinking
    assert text.type == "text"
    assert text.text == REPLY.text
    several = SHAPES[shape].calls == "interleaved" and (stream or api == "v2")
    for call, meant in zip(calls, REPLY.calls if several else REPLY.calls[:1], strict=True):
        assert call.type == "tool_use"
        assert (call.name, call.input) == (meant.name, json.loads(meant.arguments))
    assert len({call.id for call in calls if call.type == "tool_use"}) == len(calls)
    assert message.stop_reason == "tool_use"
    usage = message.usage
    assert (usage.input_tokens, usage.cache_read_input_tokens, usage.output_tokens) == (100, 1000, 70)


@APIS
@STREAMED
@pytest.mark.parametrize(("stop", "told"), [("stop", "end_turn"), ("length", "max_tokens"), ("refusal", "refusal")])
def test_each_stop_reason_arrives(scene: Scene, api: str, stop: Stop, told: str, stream: bool) -> None:
    scene.upstream.script(Reply((Text("so far"),), stop=stop))
    assert scene.ask(api, stream=stream).stop_reason == told


def conversation(scene: Scene, api: str, *, stream: bool) -> None:
    """Three turns, of which the first wishes two calls."""
    messages = list(HELLO)
    for calls in ((Call("Write", '{"command": "a"}'), Call("Bash", '{"command": "b"}')), (Call("Bash", "{}"),), ()):
        scene.upstream.script(Reply((*REPLY.parts[:2], *calls)))
        message = scene.ask(api, stream=stream, tools=TOOLS, messages=messages)
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
    scene.ask(api, stream=stream, tools=TOOLS, messages=messages)


@STREAMED
def test_states_come_back_to_the_vendor_through_a_whole_conversation(scene: Scene, stream: bool) -> None:
    conversation(scene, "v1", stream=stream)
    called = [message for message in scene.asked["messages"] if "function_call" in message]
    assert [bool(message.get("functions_state_id")) for message in called] == [True, True]


@STREAMED
@pytest.mark.parametrize("shape", [Shape(), Shape(calls="interleaved")], ids=["one_by_one", "together"])
def test_states_ids_and_thinking_come_back_in_version_2(scene: Scene, stream: bool, shape: Shape) -> None:
    scene.upstream.shape = shape
    conversation(scene, "v2", stream=stream)
    told = scene.asked["messages"]
    several = shape.calls == "interleaved"
    calls = [part["function_call"] for message in told for part in message["content"] if "function_call" in part]
    assert len(calls) == (3 if several else 2)
    assert all(("id" in call) == several for call in calls)
    assert all(message["tools_state_id"] for message in told if message["role"] == "tool")
    assert sum(message["role"] == "reasoning" for message in told) == 3
    assert "toolu_" not in json.dumps(told)


@APIS
def test_states_come_back_through_a_chat_client_too(scene: Scene, api: str) -> None:
    scene.upstream.script(Reply((*REPLY.parts[:2], Call("Bash", '{"command": "b"}'))))
    tools: list[Any] = [{"type": "function", "function": {"name": "Bash", "parameters": TOOL_SCHEMA}}]
    answer = scene.chat.chat.completions.create(model=MODELS[api], messages=HELLO, tools=tools)
    message = answer.choices[0].message.to_dict()
    made = answer.choices[0].message.tool_calls
    assert made
    result = {"role": "tool", "tool_call_id": made[0].id, "content": "done"}
    messages: list[Any] = [*HELLO, message, result]
    scene.upstream.script(said("end"))
    scene.chat.chat.completions.create(model=MODELS[api], messages=messages, tools=tools)
    assert "s_state_id" in json.dumps(scene.asked)


@APIS
def test_a_conversation_begun_elsewhere_goes_on(scene: Scene, api: str) -> None:
    calls = [{"type": "tool_use", "id": f"toolu_{n}", "name": "Bash", "input": {"command": "a"}} for n in (1, 2)]
    results = [{"type": "tool_result", "tool_use_id": f"toolu_{n}", "content": "done"} for n in (1, 2)]
    thought = {"type": "thinking", "thinking": "foreign", "signature": "c2lnbmVkIGJ5IG90aGVycw=="}
    messages = [*HELLO, {"role": "assistant", "content": [thought, *calls]}, {"role": "user", "content": results}]
    scene.ask(api, tools=TOOLS, messages=messages)
    told = json.dumps(scene.asked)
    assert "toolu_" not in told
    assert "foreign" not in told
    assert [message["role"] for message in scene.asked["messages"]].count("assistant") == 2


def block(kind: str, media_type: str, data: str) -> dict[str, Any]:
    """A picture or document of Anthropic's wire."""
    return {"type": kind, "source": {"type": "base64", "media_type": media_type, "data": data}}


@APIS
def test_pictures_documents_and_forty_tools_with_odd_names_are_taken(scene: Scene, api: str) -> None:
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

    def respond(_: Ask) -> Reply:
        body = scene.upstream.requests[-1].body
        functions = body["functions"] if api == "v1" else body["tools"][0]["functions"]["specifications"]
        return Reply((Call(functions[7]["name"], '{"$filter": "b", "@odata": 1}'),))

    scene.upstream.responder = respond
    message = scene.ask(api, messages=messages, tools=tools)
    called = next(block for block in message.content if block.type == "tool_use")
    assert (called.name, called.input) == (name, {"$filter": "b", "@odata": 1})
    told = json.dumps(scene.asked["messages"])
    assert sum(each in told for each in scene.upstream.office.files) == 2


@APIS
def test_tools_that_are_too_long_are_cut_once_and_from_then_on(scene: Scene, api: str) -> None:
    scene.upstream.rules = msgspec.structs.replace(RULES, tool_tokens=4096)
    tools: list[Any] = [{**tool, "description": "It does a lot, and says so. " * 500} for tool in TOOLS]
    for asked in (2, 3):
        raw = scene.claude.messages.with_raw_response.create(
            model=MODELS[api], max_tokens=9, messages=HELLO, tools=tools
        )
        assert "tool.description" in raw.headers["x-dragoman-losses"]
        assert len(scene.upstream.requests) == asked
    assert scene.asked
    scene.upstream.rules = msgspec.structs.replace(RULES, tool_tokens=50)
    with pytest.raises(anthropic.APIStatusError, match=r"Tokens limit exceeded.*Offer fewer tools") as found:
        scene.ask(api, tools=tools)
    assert found.value.status_code == 413
    assert "prompt is too long" not in found.value.message


@APIS
def test_a_shape_of_the_answer_is_kept(scene: Scene, api: str) -> None:
    scene.ask(api, output_config={"format": {"type": "json_schema", "schema": SCHEMA}})
    holder = scene.asked if api == "v1" else scene.asked["model_options"]
    assert holder["response_format"]["schema"] == SCHEMA


def test_a_search_is_the_vendor_s_own_in_version_2_and_refused_in_version_1(scene: Scene) -> None:
    search: list[Any] = [{"type": "web_search_20250305", "name": "web_search"}]
    scene.ask("v2", tools=search, tool_choice={"type": "tool", "name": "web_search"})
    assert scene.asked["tools"] == [{"web_search": {}}]
    assert scene.asked["tool_config"] == {"mode": "forced", "tool_name": "web_search"}
    with pytest.raises(anthropic.BadRequestError, match="web_search"):
        scene.ask("v1", tools=search)


@APIS
def test_tokens_are_counted_by_the_vendor_with_the_model_that_is_asked(scene: Scene, api: str) -> None:
    counted = scene.claude.messages.count_tokens(model=MODELS[api], messages=HELLO, tools=TOOLS)
    assert counted.input_tokens > 10
    seen = scene.upstream.side_requests[-1]
    assert (seen.path, seen.refused) == ("/api/v1/tokens/count", None)
    assert isinstance(seen.body, dict)
    assert seen.body["model"] == MODELS[api]
    assert "Write" in json.dumps(seen.body["input"])


@APIS
@STREAMED
@pytest.mark.parametrize(
    ("fault", "status", "words"),
    [("F25", 502, "answered"), ("F22", 429, "Try again"), ("empty", 502, "without")],
)
def test_what_the_vendor_cannot_answer_is_told_truly(
    scene: Scene, api: str, fault: str, status: int, words: str, stream: bool
) -> None:
    scene.upstream.fault(fault, times=None)
    with pytest.raises(anthropic.APIStatusError) as found:
        scene.ask(api, stream=stream)
    assert found.value.status_code == status
    assert words in found.value.message


@APIS
@pytest.mark.parametrize("fault", ["F52.text", "F48.text", "F53.text", "F57"])
def test_a_stream_cut_after_content_never_ends_well(scene: Scene, api: str, fault: str) -> None:
    scene.upstream.fault(fault)
    with pytest.raises((anthropic.APIError, anthropic.APIConnectionError)):
        scene.ask(api)
