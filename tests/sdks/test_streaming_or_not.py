"""SDKs before channels that are always, or never, asked to stream: they hear what was meant, as they asked for it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import anthropic
import msgspec
import openai
import pytest

from tests.clients.gateway import Upstream, gateway
from tests.clients.vendors import GIGACHAT_KEY
from tests.sdks.stage import REPLY, TOOL_SCHEMA
from tests.standin import StandIn

VENDORS = {
    "openai_chat": "openai",
    "anthropic": "anthropic",
    "openai_responses": "responses-compatible",
    "gemini": "gemini",
    "gigachat": "gigachat",
}
"""The row of each dialect of upstreams."""
BASES = {"responses-compatible": "/v1", "gigachat": "/api/v1"}
WISHES = {"always": True, "never": False}
TOOLS: list[Any] = [{"name": name, "description": name, "input_schema": TOOL_SCHEMA} for name in ("Write", "Bash")]
FUNCTIONS: list[Any] = [
    {"type": "function", "function": {"name": tool["name"], "parameters": TOOL_SCHEMA}} for tool in TOOLS
]
HELLO: list[Any] = [{"role": "user", "content": "hello"}]
WORDS = "Сначала напишу файл ✓ 🎉."
CALLED = ["Write", "Bash"]
SCENES = pytest.mark.parametrize(
    ("dialect", "wire", "stream"), [(each, wire, wish) for each in VENDORS for wire in WISHES for wish in (True, False)]
)


class Scene(msgspec.Struct, frozen=True):
    """The vendors, and the SDKs in front of the gateway before them."""

    vendors: StandIn
    gigachat: StandIn
    claude: anthropic.Anthropic
    chat: openai.OpenAI

    def upstream(self, dialect: str) -> StandIn:
        """The stand-in that speaks a dialect, about to give the reply."""
        upstream = self.gigachat if dialect == "gigachat" else self.vendors
        upstream.forget()
        # GigaChat calls one function a turn.
        one_call = msgspec.structs.replace(REPLY, parts=REPLY.parts[:3])
        upstream.script(one_call if dialect == "gigachat" else REPLY)
        return upstream


def model_of(dialect: str, wire: str) -> str:
    return f"{'GigaChat-2' if dialect == 'gigachat' else dialect}-{wire}"


@pytest.fixture(name="scene", scope="module")
def _scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    with StandIn() as vendors, StandIn(dialects=("gigachat",), api_key=GIGACHAT_KEY) as gigachat:
        channels = []
        for dialect, row in VENDORS.items():
            url = gigachat.url if dialect == "gigachat" else vendors.url
            settings: list[tuple[str, Any]] = [("base_url", url + BASES[row])] if row in BASES else []
            if dialect == "gigachat":
                settings += [("api_key", GIGACHAT_KEY), ("options.auth_url", f"{url}/api/v2/oauth")]
            channels += [
                Upstream(
                    url=url,
                    provider=row,
                    name=f"{dialect}-{wire}",
                    models=(model_of(dialect, wire),),
                    settings=(*settings, ("stream", wire)),
                )
                for wire in WISHES
            ]
        with (
            gateway(tmp_path_factory.mktemp("gateway"), *channels, in_turn=False) as door,
            anthropic.Anthropic(base_url=door.url, api_key="key", max_retries=0) as claude,
            openai.OpenAI(base_url=f"{door.url}/v1", api_key="key", max_retries=0) as chat,
        ):
            yield Scene(vendors, gigachat, claude, chat)


def streamed(upstream: StandIn) -> bool:
    """Whether the vendor was asked to stream, by a request that it took."""
    seen = upstream.requests[-1]
    assert seen.refused is None, seen.refused
    return seen.body.get("stream") is True or ":streamGenerateContent" in seen.path


def called(dialect: str) -> list[str]:
    return CALLED[:1] if dialect == "gigachat" else CALLED


@SCENES
def test_anthropics_sdk_hears_what_was_meant(scene: Scene, dialect: str, wire: str, stream: bool) -> None:
    upstream = scene.upstream(dialect)
    body: dict[str, Any] = {"model": model_of(dialect, wire), "max_tokens": 1000, "messages": HELLO, "tools": TOOLS}
    if stream:
        with scene.claude.messages.stream(**body) as events:
            message = events.get_final_message()
    else:
        message = scene.claude.messages.create(**body)

    assert streamed(upstream) is WISHES[wire]
    assert [block.text for block in message.content if block.type == "text"] == [WORDS]
    calls = [block for block in message.content if block.type == "tool_use"]
    assert [call.name for call in calls] == called(dialect)
    assert calls[0].input == {"file_path": "/tmp/a b.py", "content": 'print("привет")\n'}
    assert (message.stop_reason, message.usage.output_tokens) == ("tool_use", 70)


@SCENES
def test_openais_sdk_hears_what_was_meant(scene: Scene, dialect: str, wire: str, stream: bool) -> None:
    upstream = scene.upstream(dialect)
    body: dict[str, Any] = {"model": model_of(dialect, wire), "messages": HELLO, "tools": FUNCTIONS}
    if stream:
        with scene.chat.chat.completions.stream(**body, stream_options={"include_usage": True}) as events:
            told = events.get_final_completion()
    else:
        told = scene.chat.chat.completions.create(**body)

    assert streamed(upstream) is WISHES[wire]
    message = told.choices[0].message
    calls = message.tool_calls or []
    assert (message.content, told.choices[0].finish_reason) == (WORDS, "tool_calls")
    assert [call.function.name for call in calls] == called(dialect)
    assert json.loads(calls[0].function.arguments)["file_path"] == "/tmp/a b.py"
    assert told.usage is not None
    assert told.usage.completion_tokens == 70
