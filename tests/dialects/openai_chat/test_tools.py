"""Tools and the choice among them."""

from __future__ import annotations

import json

import pytest
from msgspec import Raw

from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.request import (
    CacheMark,
    Extras,
    ProviderTool,
    Text,
    Tool,
    ToolCall,
    ToolChoice,
    ToolReference,
    ToolResult,
)
from dragoman.dialects.openai_chat import DIALECT
from tests.dialects.openai_chat.wire import Json, asked, assistant, losses, refusals, target, user, write

SCHEMA = Raw(b'{"$schema":"x","type":"object","properties":{"a":{"type":"string"}},"required":["a"]}')
READ = Tool("Read", "Reads.", SCHEMA)
LONG = "mcp__" + "very_" * 20 + "long"


def functions(body: Json) -> list[str]:
    return [tool["function"]["name"] for tool in body.get("tools", [])]


def provider(kind: str, name: str = "tool") -> ProviderTool:
    return ProviderTool("tongue", kind, name, Raw(b"{}"))


def refused(*tools: Tool | ProviderTool, choice: ToolChoice | None = None) -> str:
    with pytest.raises(Trouble) as found:
        DIALECT.write_request(asked(tools=tools, tool_choice=choice), target())
    assert found.value.problem.kind is Kind.UNSUPPORTED
    return found.value.problem.message


def test_a_tool_is_a_function_with_its_schema_untouched() -> None:
    body, written = write(asked(tools=(READ,)))
    function = {"name": "Read", "description": "Reads.", "parameters": json.loads(bytes(SCHEMA))}
    assert body["tools"] == [{"type": "function", "function": function}]
    assert losses(written) == []
    assert refusals(body) == []


def test_pitfall_033_and_034_names_are_fitted_and_found_again_everywhere() -> None:
    odd = "files.read file"
    body, written = write(
        asked(
            user("hi"),
            assistant(ToolCall("a", LONG, "{}"), ToolCall("b", odd, "{}")),
            user(ToolResult("a", (ToolReference(odd),)), ToolResult("b", (Text("x"),))),
            tools=(Tool(LONG, schema=SCHEMA), Tool(odd, schema=SCHEMA)),
            tool_choice=ToolChoice("one", LONG),
        )
    )
    sent = functions(body)
    assert all(len(name) <= 64 for name in sent)
    assert written.names == {sent[0]: LONG, sent[1]: odd}
    assert [each["function"]["name"] for each in body["messages"][1]["tool_calls"]] == sent
    assert sent[1] in body["messages"][2]["content"]
    assert body["tool_choice"]["function"]["name"] == sent[0]
    assert refusals(body) == []


def test_names_that_differ_stay_different() -> None:
    body, _ = write(asked(tools=(Tool("a.b"), Tool("a b"), Tool("a_b"), Tool(""))))
    assert len(set(functions(body))) == 4


def test_the_limit_of_names_is_the_upstream_s() -> None:
    body, _ = write(asked(tools=(Tool("x" * 100),)), tool_name_limit=128)
    assert functions(body) == ["x" * 100]


@pytest.mark.parametrize(
    ("schema", "sent", "lost"),
    [
        (None, {"type": "object", "properties": {}}, []),
        (b"{}", {"type": "object", "properties": {}}, []),
        (b'{"type":"object"}', {"type": "object", "properties": {}}, []),
        (b'{"properties":{},"type":"object"}', {"type": "object", "properties": {}}, []),
        (b'{"anyOf":[]}', {"anyOf": [], "type": "object", "properties": {}}, []),
        (b'{"type":"string"}', {"type": "object", "properties": {}}, ["tool.schema"]),
        (b"true", {"type": "object", "properties": {}}, ["tool.schema"]),
    ],
)
def test_pitfall_041_a_schema_is_an_object_with_properties(schema: bytes | None, sent: Json, lost: list[str]) -> None:
    body, written = write(asked(tools=(Tool("t", schema=None if schema is None else Raw(schema)),)))
    assert body["tools"][0]["function"]["parameters"] == sent
    assert losses(written) == lost


def test_pitfall_030_strict_is_sent_only_as_asked_and_understood() -> None:
    asked_strict = asked(tools=(Tool("t", schema=SCHEMA, strict=True), Tool("u", schema=SCHEMA)))
    body, _ = write(asked_strict)
    without, written = write(asked_strict, tool_strict=False)
    assert [tool["function"].get("strict") for tool in body["tools"]] == [True, None]
    assert "strict" not in without["tools"][0]["function"]
    assert losses(written) == ["tool.strict"]


def test_pitfall_042_and_043_without_tools_nothing_is_said_of_them() -> None:
    body, _ = write(asked(tool_choice=ToolChoice("auto"), parallel_tools=False))
    assert body.keys() & {"tools", "tool_choice", "parallel_tool_calls"} == set()


@pytest.mark.parametrize(
    ("choice", "sent"),
    [
        (ToolChoice("auto"), "auto"),
        (ToolChoice("any"), "required"),
        (ToolChoice("none"), "none"),
        (ToolChoice("one", "Read"), {"type": "function", "function": {"name": "Read"}}),
    ],
)
def test_pitfall_044_the_choice_has_its_own_words(choice: ToolChoice, sent: object) -> None:
    assert write(asked(tools=(READ,), tool_choice=choice))[0]["tool_choice"] == sent


@pytest.mark.parametrize("mode", ["any", "one"])
def test_a_demand_is_left_free_where_it_cannot_be_made(mode: str) -> None:
    choice = ToolChoice("any") if mode == "any" else ToolChoice("one", "Read")
    body, written = write(asked(tools=(READ,), tool_choice=choice), tool_choice_any=False)
    assert body["tool_choice"] == "auto"
    assert losses(written) == ["tool_choice"]


def test_pitfall_045_one_call_at_a_time_is_asked_for_where_understood() -> None:
    assert write(asked(tools=(READ,), parallel_tools=False))[0]["parallel_tool_calls"] is False
    assert "parallel_tool_calls" not in write(asked(tools=(READ,), parallel_tools=True))[0]
    body, written = write(asked(tools=(READ,), parallel_tools=False), parallel_tools_member=False)
    assert "parallel_tool_calls" not in body
    assert losses(written) == ["parallel_tools"]


def test_pitfall_046_members_that_only_one_vendor_knows_are_lost_by_name() -> None:
    extra = Tool("t", schema=SCHEMA, extras=Extras("tongue", {"input_examples": Raw(b"[]")}), cache_mark=CacheMark())
    body, written = write(asked(tools=(extra,)))
    assert body["tools"][0]["function"].keys() == {"name", "parameters"}
    assert losses(written) == ["cache_mark", "tool.input_examples"]


def test_deferred_tools_are_offered_once_they_are_known() -> None:
    tools = tuple(Tool(name, schema=SCHEMA, deferred=True) for name in ("found", "called", "demanded", "hidden"))
    body, written = write(
        asked(
            assistant(ToolCall("a", "called", "{}")),
            user(ToolResult("a", (ToolReference("found"),))),
            tools=(READ, *tools),
            tool_choice=ToolChoice("one", "demanded"),
        )
    )
    assert functions(body) == ["Read", "found", "called", "demanded"]
    assert losses(written) == ["tools.deferred"]


def test_all_deferred_tools_are_offered_where_the_vendor_s_search_is_missing() -> None:
    search = provider("tool_search_tool_regex_20251119")
    body, written = write(asked(tools=(search, Tool("hidden", schema=SCHEMA, deferred=True))))
    assert functions(body) == ["hidden"]
    assert losses(written) == ["tools.tool_search_tool_regex_20251119"]


def test_only_deferred_tools_are_no_tools() -> None:
    body, _ = write(asked(tools=(Tool("hidden", deferred=True),)))
    assert "tools" not in body


@pytest.mark.parametrize(
    ("kind", "members"),
    [
        ("bash_20250124", {"command", "restart"}),
        ("memory_20250818", {"command", "path", "old_path", "new_path"}),
        ("text_editor_20250728", {"command", "path", "insert_text"}),
        ("text_editor_20250124", {"command", "path", "new_str"}),
    ],
)
def test_pitfall_049_typed_tools_of_the_client_are_described_in_full(kind: str, members: set[str]) -> None:
    body, written = write(asked(tools=(ProviderTool("tongue", kind, "it", Raw(b"{}"), CacheMark()),)))
    assert members <= body["tools"][0]["function"]["parameters"]["properties"].keys()
    assert losses(written) == ["cache_mark", f"tools.{kind}"]
    assert refusals(body) == []


def test_pitfall_049_computer_use_is_refused() -> None:
    assert "computer_20250124" in refused(READ, provider("computer_20250124"))


def test_pitfall_047_a_vendor_s_own_tool_is_dropped_beside_others_and_refused_alone() -> None:
    body, written = write(asked(tools=(READ, provider("web_search_20250305", "web_search"))))
    assert functions(body) == ["Read"]
    assert losses(written) == ["tools.web_search_20250305"]
    assert "web_search" in refused(provider("web_search_20250305", "web_search"))
    assert "web_search" in refused(
        READ, provider("web_search_20250305", "web_search"), choice=ToolChoice("one", "web_search")
    )


def test_pitfall_050_a_tool_of_the_user_s_is_told_by_its_type() -> None:
    body, written = write(asked(tools=(Tool("web_search", schema=SCHEMA),)))
    assert functions(body) == ["web_search"]
    assert losses(written) == []


def test_pitfall_054_tools_are_refused_where_they_are_needed_and_unknown() -> None:
    body, written = write(asked(tools=(READ,)), tools=False)
    assert "tools" not in body
    assert losses(written) == ["tools"]
    for request in (
        asked(tools=(READ,), tool_choice=ToolChoice("any")),
        asked(assistant(ToolCall("a", "Read", "{}")), tools=(READ,)),
    ):
        with pytest.raises(Trouble) as found:
            DIALECT.write_request(request, target(tools=False))
        assert found.value.problem.kind is Kind.UNSUPPORTED


def test_custom_tools_are_sent_with_their_free_text_where_they_are_known() -> None:
    patch = Tool("apply_patch", "Patches.", form="text")
    body, _ = write(
        asked(
            user("hi"),
            assistant(ToolCall("a", "apply_patch", "*** Begin", "text")),
            user(ToolResult("a", (Text("ok"),), form="text")),
            tools=(patch,),
            tool_choice=ToolChoice("one", "apply_patch"),
        ),
        native=True,
    )
    assert body["tool_choice"] == {"type": "custom", "custom": {"name": "apply_patch"}}
    assert body["tools"] == [{"type": "custom", "custom": {"name": "apply_patch", "description": "Patches."}}]
    custom = {"name": "apply_patch", "input": "*** Begin"}
    assert body["messages"][1]["tool_calls"] == [{"id": "a", "type": "custom", "custom": custom}]
    assert refusals(body) == []


def test_custom_tools_become_functions_of_one_text_elsewhere() -> None:
    body, written = write(
        asked(
            user("hi"),
            assistant(ToolCall("a", "apply.patch", "*** Begin", "text")),
            user(ToolResult("a", (Text("ok"),), form="text")),
            tools=(Tool("apply.patch", form="text"),),
        )
    )
    function = body["tools"][0]["function"]
    assert function["parameters"]["required"] == ["input"]
    assert written.text_tools == {function["name"]}
    assert body["messages"][1]["tool_calls"][0]["function"]["arguments"] == '{"input":"*** Begin"}'
    assert losses(written) == ["tool.form"]
    assert refusals(body) == []
