"""What a coding agent's turn becomes for each verified row of the chat dialect: what its vendor documents, no more."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Struct

from dragoman.dialects.anthropic.request import read_request
from dragoman.dialects.base import Target, Written
from dragoman.dialects.openai_chat import DIALECT
from dragoman.providers.catalog import catalog
from dragoman.providers.quirks import fit
from tests.providers.coding import ACCOUNT, turn
from tests.providers.documented import documented
from tests.standin.check_chat import check_chat
from tests.standin.rules import Rules

Json = dict[str, Any]
ROWS = catalog()
OFF = {"thinking": {"type": "disabled"}, "output_config": None}
UNASKED = {"thinking": None, "output_config": None}
FORCED = {"tool_choice": {"type": "tool", "name": "Bash"}}


def written(row: str, model: str, changes: Json) -> tuple[Json, Written]:
    """The body for a row's upstream, and what is told beside it."""
    provider = ROWS[row]
    card = documented(provider, model)
    wish = fit(provider, read_request(turn(**changes)), model, max_output=card.max_output if card else None)
    target = Target(model=model, origin=ACCOUNT, native=provider.native, stream=True, habits=wish.habits)
    told = DIALECT.write_request(wish.request, target)
    return json.loads(told.body), told


class Vendor(Struct, frozen=True, kw_only=True):
    """What a vendor takes beyond OpenAI's published schema, and what of it the vendor lacks."""

    row: str
    models: tuple[str, ...]
    allow: str = ""
    refuse: str = ""
    echo: bool = False
    system_first: bool = False
    stops: int = 4
    """Stop sequences it takes; the published schema allows four."""

    def rules(self, body: Json) -> Rules:
        """These, as the stand-in's checks take them. Thinking is demanded back only while the model thinks."""
        return Rules(
            allow=frozenset(self.allow.split()),
            refuse=frozenset(self.refuse.split()),
            echo_reasoning=self.echo and body.get("thinking") != {"type": "disabled"},
            system_first=self.system_first,
        )


ECHO = "messages.reasoning_content"
VENDORS = (
    Vendor(row="openai-compatible", models=("some-model", "gpt-4o")),
    Vendor(row="openai-compatible", models=("gpt-5",), refuse="max_tokens stop", stops=0),
    Vendor(row="openai", models=("gpt-4o", "gpt-4.1"), refuse="reasoning_effort max_tokens"),
    Vendor(row="openai", models=("o3", "gpt-5", "gpt-5.1", "gpt-5.6"), refuse="max_tokens stop temperature", stops=0),
    Vendor(row="azure", models=("gpt-4o", "gpt-35-turbo"), refuse="reasoning_effort max_completion_tokens"),
    Vendor(row="azure", models=("my-gpt-5", "o4-mini"), refuse="max_tokens stop temperature", stops=0),
    Vendor(
        row="openrouter",
        models=("anthropic/claude-opus-5.5", "z-ai/glm-4.7"),
        allow="reasoning top_k messages.reasoning_details messages.cache_control",
        refuse="reasoning_effort",
    ),
    Vendor(
        row="gemini-openai",
        models=("gemini-3.8-flash", "gemini-3-pro-preview", "gemini-2.5-flash", "gemini-2.5-pro", "gemini-2.0-flash"),
        allow="messages.tool_calls.extra_content",
        refuse="user seed frequency_penalty presence_penalty parallel_tool_calls max_completion_tokens",
        system_first=True,
    ),
    Vendor(
        row="deepseek",
        models=("deepseek-v4-pro", "deepseek-flash"),
        allow=f"thinking {ECHO}",
        refuse="user parallel_tool_calls max_completion_tokens",
        echo=True,
        stops=16,
    ),
    Vendor(
        row="moonshot",
        models=("kimi-k2.6", "kimi-k2.7-code", "kimi-k3"),
        allow=f"thinking {ECHO}",
        refuse="max_tokens temperature top_p presence_penalty frequency_penalty",
        echo=True,
        system_first=True,
        stops=5,
    ),
    *(
        Vendor(
            row=row,
            models=("glm-4.7", "glm-5.2", "glm-5.3"),
            allow=f"thinking {ECHO}",
            refuse="user seed frequency_penalty parallel_tool_calls stream_options max_completion_tokens",
            system_first=True,
            stops=1,
        )
        for row in ("zhipu", "zai")
    ),
    Vendor(
        row="qwen",
        models=("qwen-plus", "qwen3-coder-plus"),
        allow="enable_thinking thinking_budget top_k",
        refuse="user reasoning_effort",
        system_first=True,
    ),
    Vendor(
        row="ollama",
        models=("gpt-oss:20b", "llama3.3"),
        refuse="user parallel_tool_calls logit_bias",
        system_first=True,
    ),
    Vendor(row="vllm", models=("openai/gpt-oss-120b",), allow="top_k", refuse="user", system_first=True, stops=16),
)
PLAYS = [(vendor, model) for vendor in VENDORS for model in vendor.models]


@pytest.mark.parametrize("changes", [{}, OFF, UNASKED, FORCED], ids=["thinking", "off", "unasked", "forced"])
@pytest.mark.parametrize(("vendor", "model"), PLAYS, ids=[f"{vendor.row}-{model}" for vendor, model in PLAYS])
def test_a_vendor_is_sent_nothing_it_refuses(vendor: Vendor, model: str, changes: Json) -> None:
    body, told = written(vendor.row, model, changes)
    published = {"stop": body["stop"][:4]} if "stop" in body else {}
    check_chat(body | published, vendor.rules(body))
    assert body["model"] == model
    assert [tool["function"]["name"] for tool in body["tools"]] == ["Bash", "Read"]
    assert len(body.get("stop", ())) == min(vendor.stops, 6)
    assert len(told.local_stops) == 6 - min(vendor.stops, 6)


@pytest.mark.parametrize(("vendor", "model"), PLAYS, ids=[f"{vendor.row}-{model}" for vendor, model in PLAYS])
def test_pitfalls_007_and_008_what_is_the_native_vendors_stays_here(vendor: Vendor, model: str) -> None:
    body, _ = written(vendor.row, model, {})
    text = json.dumps(body)
    assert "x-anthropic-billing-header" not in text
    assert "/home/someone" not in text
    assert "context_management" not in body
    assert "device_id" not in text
    assert ("cache_control" in text) is model.startswith("anthropic/")


LOUD: dict[tuple[str, str], Json] = {
    ("openai", "gpt-4o"): {"max_completion_tokens": 16384},
    ("openai", "o3"): {"reasoning_effort": "high", "max_completion_tokens": 100000},
    ("openai", "gpt-5.1"): {"reasoning_effort": "high"},
    ("openai", "gpt-5.6"): {"reasoning_effort": "none"},
    ("azure", "my-gpt-5"): {"reasoning_effort": "high", "max_completion_tokens": 128000},
    ("azure", "gpt-4o"): {"max_tokens": 16384},
    ("openrouter", "z-ai/glm-4.7"): {"reasoning": {"effort": "high"}, "max_tokens": 128000},
    ("gemini-openai", "gemini-3.8-flash"): {"reasoning_effort": "high", "max_tokens": 65536},
    ("gemini-openai", "gemini-2.5-pro"): {"reasoning_effort": "high"},
    ("gemini-openai", "gemini-2.0-flash"): {"max_tokens": 8192},
    ("deepseek", "deepseek-v4-pro"): {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
    ("moonshot", "kimi-k2.6"): {"thinking": {"type": "enabled"}, "max_completion_tokens": 128000},
    ("moonshot", "kimi-k3"): {"reasoning_effort": "high"},
    ("zai", "glm-4.7"): {"thinking": {"type": "enabled"}, "max_tokens": 128000},
    ("zai", "glm-5.2"): {"thinking": {"type": "enabled"}, "reasoning_effort": "high"},
    ("zhipu", "glm-5.3"): {"reasoning_effort": "high"},
    ("qwen", "qwen-plus"): {"enable_thinking": True, "max_tokens": 32768},
    ("qwen", "qwen3-coder-plus"): {"max_tokens": 65536},
    ("ollama", "gpt-oss:20b"): {"reasoning_effort": "high"},
    ("vllm", "openai/gpt-oss-120b"): {"reasoning_effort": "high"},
}
SILENT: dict[tuple[str, str], Json] = {
    ("openai", "o3"): {"reasoning_effort": "low"},
    ("openai", "gpt-5"): {"reasoning_effort": "minimal"},
    ("openai", "gpt-5.1"): {"reasoning_effort": "none"},
    ("openrouter", "z-ai/glm-4.7"): {"reasoning": {"enabled": False}},
    ("gemini-openai", "gemini-3.8-flash"): {"reasoning_effort": "low"},
    ("gemini-openai", "gemini-2.5-flash"): {"reasoning_effort": "none"},
    ("gemini-openai", "gemini-2.5-pro"): {"reasoning_effort": "low"},
    ("deepseek", "deepseek-v4-pro"): {"thinking": {"type": "disabled"}},
    ("moonshot", "kimi-k2.6"): {"thinking": {"type": "disabled"}},
    ("moonshot", "kimi-k3"): {"reasoning_effort": "low"},
    ("zai", "glm-4.7"): {"thinking": {"type": "disabled"}},
    ("zai", "glm-5.3"): {"reasoning_effort": "low"},
    ("qwen", "qwen-plus"): {"enable_thinking": False},
    ("ollama", "gpt-oss:20b"): {"reasoning_effort": "none"},
}
MEMBERS_OF_THINKING = {"reasoning_effort", "reasoning", "thinking", "enable_thinking", "thinking_budget"}


def of_thinking(body: Json) -> Json:
    """The members that tell of thinking."""
    return {name: value for name, value in body.items() if name in MEMBERS_OF_THINKING}


@pytest.mark.parametrize(("where", "members"), LOUD.items(), ids=["-".join(where) for where in LOUD])
def test_thinking_and_room_are_asked_for_in_the_vendors_members(where: tuple[str, str], members: Json) -> None:
    body, _ = written(*where, {})
    assert body | members == body
    assert of_thinking(body) == of_thinking(members)


@pytest.mark.parametrize(("where", "members"), SILENT.items(), ids=["-".join(where) for where in SILENT])
def test_no_thinking_is_asked_for_in_the_vendors_members(where: tuple[str, str], members: Json) -> None:
    body, _ = written(*where, OFF)
    assert of_thinking(body) == members


@pytest.mark.parametrize(
    ("row", "model", "echo"),
    [
        ("deepseek", "deepseek-v4-pro", "I should read it."),
        ("moonshot", "kimi-k3", "I should read it."),
        ("zai", "glm-4.7", "I should read it."),
        ("openai", "o3", None),
        ("qwen", "qwen-plus", None),
        ("ollama", "llama3.3", None),
    ],
)
def test_pitfalls_082_and_083_earlier_thinking_goes_back_where_it_is_wanted(
    row: str, model: str, echo: str | None
) -> None:
    body, _ = written(row, model, {})
    spoken = next(message for message in body["messages"] if message["role"] == "assistant")
    assert spoken.get("reasoning_content") == echo


@pytest.mark.parametrize(("model", "signed"), [("gemini-3.8-flash", True), ("gemini-2.5-flash", False)])
def test_google_s_mark_stands_on_calls_that_others_made(model: str, signed: bool) -> None:
    body, _ = written("gemini-openai", model, {})
    text = json.dumps(body)
    assert text.count('"thought_signature"') == signed
    assert text.count("skip_thought_signature_validator") == signed


def test_a_chat_client_s_unsigned_calls_are_marked_once_each_turn() -> None:
    made = [{"id": name, "type": "function", "function": {"name": "Bash", "arguments": "{}"}} for name in "abc"]
    kept = {"extra_content": {"google": {"thought_signature": "own"}}}
    asked = [
        {"role": "assistant", "tool_calls": made[:2]},
        *({"role": "tool", "tool_call_id": name, "content": "x"} for name in "ab"),
        {"role": "assistant", "tool_calls": [made[2] | kept]},
        {"role": "tool", "tool_call_id": "c", "content": "x"},
    ]
    request = DIALECT.read_request(json.dumps({"model": "m", "messages": asked}).encode())
    wish = fit(ROWS["gemini-openai"], request, "gemini-3.8-flash")
    assert wish.request.turns is not request.turns
    again = fit(ROWS["gemini-openai"], wish.request, "gemini-3.8-flash")
    assert again.request.turns is wish.request.turns
    target = Target(model="gemini-3.8-flash", origin=ACCOUNT, native=False, stream=True, habits=wish.habits)
    body = json.loads(DIALECT.write_request(wish.request, target).body)
    calls = [call for message in body["messages"] for call in message.get("tool_calls", ())]
    signatures = [call.get("extra_content", {}).get("google", {}).get("thought_signature") for call in calls]
    assert signatures == ["skip_thought_signature_validator", None, "own"]


def test_openrouter_gets_earlier_thinking_in_its_own_form() -> None:
    body, _ = written("openrouter", "z-ai/glm-4.7", {})
    spoken = next(message for message in body["messages"] if message["role"] == "assistant")
    assert [entry["text"] for entry in spoken["reasoning_details"]] == ["I should read it."]


@pytest.mark.parametrize(
    ("row", "model", "sees"),
    [
        ("deepseek", "deepseek-v4-pro", False),
        ("deepseek", "deepseek-flash", True),
        ("zai", "glm-4.7", False),
        ("moonshot", "kimi-k2.6", True),
        ("openai", "gpt-4o", True),
    ],
)
def test_pitfall_070_a_picture_in_a_result_is_shown_to_models_that_see(row: str, model: str, sees: bool) -> None:
    body, told = written(row, model, {})
    assert ("data:image/png;base64," in json.dumps(body)) is sees
    assert ("image" in {loss.what for loss in told.losses}) is not sees


@pytest.mark.parametrize(
    ("row", "model", "choice"),
    [
        ("openai", "gpt-4o", {"type": "function", "function": {"name": "Bash"}}),
        ("deepseek", "deepseek-v4-pro", {"type": "function", "function": {"name": "Bash"}}),
        ("moonshot", "kimi-k2.7-code", "auto"),
        ("zai", "glm-4.7", "auto"),
    ],
)
def test_a_demanded_call_is_demanded_where_that_is_possible(row: str, model: str, choice: object) -> None:
    body, _ = written(row, model, FORCED)
    assert body.get("tool_choice", "auto") == choice
    if row == "deepseek":
        assert body["thinking"] == {"type": "disabled"}
