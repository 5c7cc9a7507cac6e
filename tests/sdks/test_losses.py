"""What a vendor cannot be told, or cannot tell, is on the exchange: feature by feature, through the whole gateway."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from msgspec import Struct

from dragoman.ledger.exchange import Exchange
from tests.faults.gateway import Served
from tests.sdks.house import ASKED, channel, repeating
from tests.sdks.stage import DOT, PDF, TOOL_SCHEMA
from tests.sdks.test_told_as_meant import SCENES
from tests.standin import StandIn

Json = dict[str, Any]


def user(*blocks: Json) -> Json:
    return {"role": "user", "content": [*blocks, {"type": "text", "text": "Go."}]}


def data(kind: str, media_type: str, content: str) -> Json:
    return {"type": kind, "source": {"type": "base64", "media_type": media_type, "data": content}}


TOOL = {"name": "Bash", "input_schema": TOOL_SCHEMA}
CALL = {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls"}}
SIGNED = {"type": "thinking", "thinking": "Hm.", "signature": "c2lnbmVk"}


def answered(*blocks: Json, **more: Any) -> Json:
    """A conversation with a call and its result, which holds these blocks."""
    result = {"type": "tool_result", "tool_use_id": "toolu_1", "content": [*blocks] or "done", **more}
    return {"messages": [user(), {"role": "assistant", "content": [SIGNED, CALL]}, user(result)], "tools": [TOOL]}


class Feature(Struct, frozen=True):
    """Something a client may ask, and what the exchange tells to have been lost of it."""

    asked: Json
    gemini: frozenset[str]
    gigachat: frozenset[str]


def lost(*names: str) -> frozenset[str]:
    return frozenset(names)


def told(**members: Any) -> Json:
    """The plainest question with these members beside it."""
    return {"messages": [user()], **members}


def said(*blocks: Json, then: Json | None = None) -> Json:
    """A conversation in which the model has said these blocks."""
    return {"messages": [user(), {"role": "assistant", "content": [*blocks]}, then or user()], "tools": [TOOL]}


def result(number: int) -> Json:
    return {"type": "tool_result", "tool_use_id": f"toolu_{number}", "content": "done"}


def asking(*blocks: Json) -> Json:
    return {"messages": [user(*blocks)]}


def server_tool(kind: str) -> Json:
    return told(tools=[TOOL, {"type": kind, "name": kind.rpartition("_")[0]}])


MARK = {"cache_control": {"type": "ephemeral"}}
TITLED = {"title": "T", "context": "C", "citations": {"enabled": True}}
SEARCHED = (
    {"type": "server_tool_use", "id": "srvtoolu_1", "name": "web_search", "input": {"query": "q"}},
    {"type": "web_search_tool_result", "tool_use_id": "srvtoolu_1", "content": []},
    {"type": "text", "text": "a", "citations": [{"type": "web_search_result_location"}]},
)
FEATURES = {
    "nothing_more": Feature(told(), lost(), lost()),
    "top_k": Feature(told(top_k=5), lost(), lost("top_k")),
    "no_chance": Feature(told(temperature=0), lost(), lost("temperature")),
    "stops": Feature(told(stop_sequences=[f"<{n}>" for n in range(7)]), lost("stop"), lost("stop")),
    "user": Feature(told(metadata={"user_id": "u"}), lost("user"), lost("user")),
    "cache_mark": Feature(asking({"type": "text", "text": "a", **MARK}), lost("cache_mark"), lost("cache_mark")),
    "billing_line": Feature(
        told(system=[{"type": "text", "text": "x-anthropic-billing-header: x"}, {"type": "text", "text": "Be."}]),
        lost("billing"),
        lost("billing"),
    ),
    "system_midway": Feature(
        {"messages": [user(), {"role": "system", "content": "New."}]}, lost("turn.system"), lost("turn.system")
    ),
    "budget": Feature(
        told(thinking={"type": "enabled", "budget_tokens": 2000}, max_tokens=4000),
        lost("reasoning.budget"),
        lost("reasoning"),
    ),
    "effort": Feature(
        told(thinking={"type": "adaptive"}, output_config={"effort": "max"}),
        lost("reasoning.effort"),
        lost("reasoning"),
    ),
    "foreign_seals": Feature(answered(), lost("thinking", "tool_call.seal"), lost("thinking")),
    "hidden_thinking": Feature(said({"type": "redacted_thinking", "data": "x"}), lost("thinking"), lost("thinking")),
    "media_in_a_result": Feature(
        answered(data("image", "image/png", DOT), data("document", "application/pdf", PDF)),
        lost("thinking", "tool_call.seal"),
        lost("tool_result.media"),
    ),
    "failed_result": Feature(answered(is_error=True), lost("thinking", "tool_call.seal"), lost("tool_result.is_error")),
    "picture": Feature(asking(data("image", "image/png", DOT)), lost(), lost()),
    "odd_picture": Feature(asking(data("image", "image/svg+xml", "AAAA")), lost("image"), lost("image")),
    "picture_elsewhere": Feature(
        asking({"type": "image", "source": {"type": "url", "url": "https://a.b/c.png"}}), lost(), lost("image")
    ),
    "picture_kept": Feature(
        asking({"type": "image", "source": {"type": "file", "file_id": "file_1"}}), lost("image.source"), lost("image")
    ),
    "paper": Feature(
        asking(data("document", "application/pdf", PDF) | TITLED),
        lost("file.citations", "file.name"),
        lost("file.citations", "file.context"),
    ),
    "search_result": Feature(
        asking({"type": "search_result", "source": "s", "title": "t", "content": [{"type": "text", "text": "x"}]}),
        lost("search_result"),
        lost("search_result"),
    ),
    "strict_tool": Feature(told(tools=[TOOL | {"strict": True}]), lost("tool.strict"), lost("tool.strict")),
    "more_of_a_tool": Feature(
        told(tools=[TOOL | {"input_examples": [{"command": "a"}], "eager_input_streaming": True}]),
        lost("tool.input_examples", "tool.eager_input_streaming"),
        lost("tool.input_examples", "tool.eager_input_streaming"),
    ),
    "deferred_tool": Feature(
        told(tools=[TOOL, TOOL | {"name": "B", "defer_loading": True}]), lost("tools.deferred"), lost("tools.deferred")
    ),
    "one_call_at_a_time": Feature(
        told(tools=[TOOL], tool_choice={"type": "auto", "disable_parallel_tool_use": True}),
        lost("parallel_tools"),
        lost(),
    ),
    "any_call": Feature(
        told(tools=[TOOL, TOOL | {"name": "B"}], tool_choice={"type": "any"}), lost(), lost("tool_choice")
    ),
    "choice_of_nothing": Feature(told(tool_choice={"type": "any"}), lost("tool_choice"), lost("tool_choice")),
    "web_search": Feature(
        server_tool("web_search_20250305"), lost("tools.web_search_20250305"), lost("tools.web_search_20250305")
    ),
    "novel_tool": Feature(server_tool("novel_20990101"), lost("tools.novel_20990101"), lost("tools.novel_20990101")),
    "typed_tool": Feature(
        told(tools=[{"type": "bash_20250124", "name": "bash"}]),
        lost("tools.bash_20250124"),
        lost("tools.bash_20250124"),
    ),
    "members_of_its_own": Feature(
        told(context_management={"edits": []}, safeguards=[], container="c", novel=1),
        lost("context_management", "safeguards", "container", "novel"),
        lost("context_management", "safeguards", "container", "novel"),
    ),
    "service_tier": Feature(told(service_tier="auto"), lost("service_tier"), lost("service_tier")),
    "answer_begun": Feature(
        {"messages": [user(), {"role": "assistant", "content": "So"}]}, lost("prefill"), lost("prefill")
    ),
    "two_calls": Feature(
        said(CALL, CALL | {"id": "toolu_2"}, then=user(result(1), result(2))),
        lost("tool_call.seal"),
        lost("tool_calls.parallel"),
    ),
    "stray_result": Feature(asking(result(9)), lost("tool_result.orphan"), lost("tool_result.orphan")),
    "no_result": Feature(said(CALL), lost("tool_call.seal", "tool_result.missing"), lost("tool_result.missing")),
    "no_object": Feature(
        said(CALL | {"input": "no"}, then=user(result(1))),
        lost("tool_call.seal", "tool_call.arguments"),
        lost("tool_call.arguments"),
    ),
    "searched_before": Feature(
        said(*SEARCHED),
        lost("server_tool_use", "web_search_tool_result", "text.citations"),
        lost("server_tool_use", "web_search_tool_result", "text.citations"),
    ),
    "novel_block": Feature(asking({"type": "novel_block", "x": 1}), lost("novel_block"), lost("novel_block")),
}


@pytest.fixture(scope="module")
def gateway() -> Iterator[Served]:
    with Served() as served:
        yield served


@pytest.fixture(scope="module")
def vendors() -> Iterator[dict[str, StandIn]]:
    """The strict vendors, which keep what was uploaded as long as the gateway remembers it."""
    with StandIn(dialects=("gemini",)) as gemini, StandIn(dialects=("gigachat",)) as gigachat:
        yield {"gemini": gemini, "gigachat": gigachat}


def ask(gateway: Served, body: Json) -> Exchange:
    """The exchange of a request, which the vendor took."""
    answer = httpx.post(
        f"{gateway.url}/v1/messages", json={"model": ASKED, "max_tokens": 100, **body}, headers={"x-api-key": "key"}
    )
    assert answer.status_code == 200, answer.text
    exchange = gateway.exchange()
    header = answer.headers.get("x-dragoman-losses", "")
    assert {loss.what for loss in exchange.losses} >= {word for word in header.split(",") if word}
    return exchange


@pytest.mark.parametrize("name", FEATURES)
@pytest.mark.parametrize("vendor", ["gemini", "gigachat"])
def test_what_the_vendor_cannot_be_told_is_on_the_exchange(
    gateway: Served, vendors: dict[str, StandIn], vendor: str, name: str
) -> None:
    feature = FEATURES[name]
    wanted = {"gemini": feature.gemini, "gigachat": feature.gigachat}[vendor]
    upstream = vendors[vendor]
    upstream.forget()
    gateway.stand(channel(vendor, upstream.url))

    exchange = ask(gateway, feature.asked)

    assert [seen.refused for seen in upstream.requests] == [None]
    found = {loss.what for loss in exchange.losses} - {"addendum"}
    assert wanted <= found
    assert vendor == "gigachat" or found == wanted
    assert all(loss.why.endswith(".") for loss in exchange.losses)


ANSWERS = {
    "runs-code": lost("answer.executableCode", "answer.codeExecutionResult"),
    "searches-the-web": lost("answer.groundingMetadata"),
    "draws-a-picture": lost("answer.image"),
    "thinks-then-answers": lost(),
}


@pytest.mark.parametrize("scene", ANSWERS)
@pytest.mark.parametrize("stream", [True, False])
def test_what_the_client_cannot_be_told_is_on_the_exchange(gateway: Served, scene: str, stream: bool) -> None:
    with repeating() as repeater:
        repeater.body = (SCENES / "gemini" / f"{scene}.sse").read_bytes()
        gateway.stand(channel("gemini", repeater.url))
        exchange = ask(gateway, told(stream=stream))

    assert {loss.what for loss in exchange.losses} >= ANSWERS[scene]
