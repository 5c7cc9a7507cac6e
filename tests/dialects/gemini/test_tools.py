"""How tools and the choice among them are said."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from dragoman.canon.problem import Kind, Trouble
from dragoman.canon.request import (
    CacheMark,
    Extras,
    ProviderTool,
    Tool,
    ToolCall,
    ToolChoice,
    ToolReference,
    ToolResult,
)
from tests.dialects.gemini.stage import NEW, OLD, Json, asked, assistant, losses, read, strictly, user, write

SCHEMA = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "properties": {
        "format": {"type": "string", "format": "uri"},
        "default": {"type": "integer", "exclusiveMinimum": 0},
        "mode": {"const": "fast"},
        "level": {"enum": [1, 2]},
        "maybe": {"type": ["string", "null"]},
        "$id": {"type": "string"},
        "tree": {"$ref": "#/$defs/tree"},
    },
    "required": ["format", "$id"],
    "additionalProperties": False,
    "$defs": {"tree": {"type": "object", "properties": {"child": {"$ref": "#/$defs/tree"}}}},
}
WEB_SEARCH = ProviderTool("tongue", "web_search_20250305", "web_search", Raw(b'{"type":"web_search_20250305"}'))
FETCH = ProviderTool("tongue", "web_fetch_20250910", "web_fetch", Raw(b"{}"))
RUN = ProviderTool("tongue", "code_execution_20250825", "code_execution", Raw(b"{}"))
COMPUTER = ProviderTool("tongue", "computer_20250124", "computer", Raw(b"{}"))
NOVEL = ProviderTool("tongue", "novel_20260101", "novel", Raw(b"{}"))
BASH = ProviderTool("tongue", "bash_20250124", "bash", Raw(b"{}"))
OWN_SEARCH = ProviderTool("gemini", "googleSearch", "googleSearch", Raw(b'{"googleSearch":{"excludeDomains":["a.b"]}}'))
READ = Tool("Read", "Reads.", Raw(json.dumps(SCHEMA).encode()))


def declared(body: Json) -> list[Json]:
    found: list[Json] = body["tools"][0]["functionDeclarations"]
    return found


def test_a_schema_goes_as_it_is_where_any_is_taken() -> None:
    body, written = write(asked(tools=(READ,)))
    assert declared(body) == [{"name": "Read", "description": "Reads.", "parametersJsonSchema": SCHEMA}]
    assert written.losses == ()
    strictly(body)


def test_pitfalls_036_to_040_a_schema_is_lowered_where_not() -> None:
    body, written = write(asked(tools=(READ,)), OLD)
    strictly(body)
    properties = declared(body)[0]["parameters"]["properties"]
    assert {"format", "default", "mode", "level", "maybe", "tree"} < properties.keys()
    assert properties["default"]["description"] == "(more than 0)"
    assert properties["mode"]["enum"] == ["fast"]
    assert properties["level"]["enum"] == ["1", "2"]
    assert properties["maybe"]["nullable"] is True
    lowered = written.lowered["Read"]
    (renamed,) = lowered.renames
    assert (renamed, lowered.renames[renamed]) != ("$id", "$id")
    assert renamed in declared(body)[0]["parameters"]["required"]
    assert any(what.startswith("tool.schema.") for what in losses(written))


def test_pitfall_035_earlier_calls_are_sent_in_the_lowered_form() -> None:
    call = ToolCall("c", "Read", '{"$id": "a", "level": 2}')
    turns = user("go"), assistant(call), user(ToolResult("c", ()))
    body, written = write(asked(*turns, tools=(READ,)), OLD)
    (renamed,) = written.lowered["Read"].renames
    assert body["contents"][1]["parts"][0]["functionCall"]["args"] == {renamed: "a", "level": "2"}


@pytest.mark.parametrize(
    ("schema", "new", "old"),
    [
        (None, {}, {}),
        (b"{}", {"type": "object", "properties": {}}, None),
        (b'{"type":"object"}', {"type": "object", "properties": {}}, None),
        (b'{"type":"string"}', {"type": "object", "properties": {}}, None),
        (b"[", {"type": "object", "properties": {}}, None),
    ],
)
def test_pitfall_041_parameters_are_always_an_object(schema: bytes | None, new: Json, old: Json | None) -> None:
    tool = Tool("Read", schema=None if schema is None else Raw(schema))
    body, _ = write(asked(tools=(tool,)))
    assert declared(body)[0].get("parametersJsonSchema", {}) == new
    body, _ = write(asked(tools=(tool,)), OLD)
    assert "parameters" not in declared(body)[0]
    strictly(body)


def test_a_tool_that_takes_free_text_is_asked_for_input() -> None:
    body, written = write(asked(tools=(Tool("patch", form="text"),)))
    assert declared(body)[0]["parametersJsonSchema"]["required"] == ["input"]
    assert written.text_tools == {"patch"}
    assert losses(written) == ["tool.form"]


def test_pitfall_046_what_a_tool_says_beside_is_recorded() -> None:
    tool = Tool("Read", strict=True, cache_mark=CacheMark(), extras=Extras("other", {"input_examples": Raw(b"[]")}))
    _, written = write(asked(tools=(tool,)))
    assert losses(written) == ["cache_mark", "tool.input_examples", "tool.strict"]


def test_pitfall_051_deferred_tools_are_offered_once_they_were_found() -> None:
    deferred = (
        Tool("Late", deferred=True),
        Tool("Called", deferred=True),
        Tool("Chosen", deferred=True),
        Tool("Hid", deferred=True),
    )
    result = ToolResult("c", (ToolReference("Late"),))
    turns = user("go"), assistant(ToolCall("c", "Called", "{}")), user(result, ToolReference("Late"))
    body, written = write(asked(*turns, tools=deferred, tool_choice=ToolChoice("one", "Chosen")))
    assert [each["name"] for each in declared(body)] == ["Late", "Called", "Chosen"]
    assert "tools.deferred" in losses(written)


def test_pitfall_049_tools_known_by_type_are_described_in_full() -> None:
    body, written = write(asked(tools=(BASH,)))
    assert declared(body)[0]["name"] == "bash"
    assert "command" in declared(body)[0]["parametersJsonSchema"]["properties"]
    assert losses(written) == ["tools.bash_20250124"]
    strictly(body)


def test_pitfall_047_the_vendor_s_own_tools_stand_in() -> None:
    body, written = write(asked(tools=(WEB_SEARCH, WEB_SEARCH, FETCH, RUN)))
    assert body["tools"] == [{"googleSearch": {}}, {"urlContext": {}}, {"codeExecution": {}}]
    assert len(losses(written)) == 3
    strictly(body)


def test_the_vendor_s_own_tools_beside_the_client_s_must_be_told() -> None:
    body, _ = write(asked(tools=(READ, WEB_SEARCH)))
    assert body["toolConfig"] == {"includeServerSideToolInvocations": True}
    strictly(body)
    body, written = write(asked(tools=(READ, WEB_SEARCH)), OLD)
    assert len(body["tools"]) == 1
    assert "tools.web_search_20250305" in losses(written)
    strictly(body)
    body, _ = write(asked(tools=(WEB_SEARCH,)), OLD)
    assert body["tools"] == [{"googleSearch": {}}]


@pytest.mark.parametrize(
    "members",
    [
        {"tools": (NOVEL,)},
        {"tools": (READ, COMPUTER)},
        {"tools": (READ, NOVEL), "tool_choice": ToolChoice("one", "novel")},
        {"extras": Extras("tongue", {"mcp_servers": Raw(b'[{"url":"x"}]')})},
    ],
)
def test_pitfalls_047_and_053_what_must_not_be_dropped_is_refused(members: dict[str, Any]) -> None:
    with pytest.raises(Trouble) as found:
        write(asked(**members))
    assert found.value.problem.kind is Kind.UNSUPPORTED


def test_no_connectors_are_none() -> None:
    _, written = write(asked(extras=Extras("tongue", {"mcp_servers": Raw(b"[]")})))
    assert losses(written) == ["mcp_servers"]


def test_another_vendor_s_tool_among_others_is_a_loss() -> None:
    body, written = write(asked(tools=(READ, NOVEL)))
    assert len(body["tools"]) == 1
    assert losses(written) == ["tools.novel_20260101"]


def test_pitfall_054_a_model_without_tools_is_refused_what_lives_by_them() -> None:
    body, written = write(asked(tools=(READ,)), tools=False)
    assert "tools" not in body
    assert losses(written) == ["tools"]
    called = user("go"), assistant(ToolCall("c", "Read", "{}")), user(ToolResult("c", ()))
    for request in (asked(tools=(READ,), tool_choice=ToolChoice("any")), asked(*called, tools=(READ,))):
        with pytest.raises(Trouble):
            write(request, tools=False)


@pytest.mark.parametrize(
    ("choice", "expected"),
    [
        (None, None),
        (ToolChoice("auto"), {"mode": "AUTO"}),
        (ToolChoice("any"), {"mode": "ANY"}),
        (ToolChoice("none"), {"mode": "NONE"}),
        (ToolChoice("one", "Read"), {"mode": "ANY", "allowedFunctionNames": ["Read"]}),
        (ToolChoice("one", "Unknown"), {"mode": "AUTO"}),
        (ToolChoice("auto", extras=Extras("other", {"x": Raw(b"1")})), {"mode": "AUTO"}),
    ],
)
def test_pitfall_044_the_choice_is_said(choice: ToolChoice | None, expected: Json | None) -> None:
    body, _ = write(asked(tools=(READ,), tool_choice=choice))
    assert body.get("toolConfig", {}).get("functionCallingConfig") == expected
    strictly(body)


@pytest.mark.parametrize("choice", [ToolChoice("any"), ToolChoice("one", "Read")])
def test_a_model_that_cannot_be_made_to_call_is_left_free(choice: ToolChoice) -> None:
    body, written = write(asked(tools=(READ,), tool_choice=choice), tool_choice_any=False)
    assert body["toolConfig"] == {"functionCallingConfig": {"mode": "AUTO"}}
    assert losses(written) == ["tool_choice"]


@pytest.mark.parametrize("choice", [ToolChoice("any"), ToolChoice("auto")])
def test_pitfall_043_a_choice_without_tools_is_left_out(choice: ToolChoice) -> None:
    body, written = write(asked(tool_choice=choice))
    assert "toolConfig" not in body
    assert losses(written) == (["tool_choice"] if choice.mode == "any" else [])


def test_pitfall_045_one_call_at_a_time_cannot_be_told() -> None:
    assert losses(write(asked(tools=(READ,), parallel_tools=False))[1]) == ["parallel_tools"]
    assert losses(write(asked(parallel_tools=False))[1]) == []


OWN: Json = {
    "contents": [{"role": "user", "parts": [{"text": "a"}]}],
    "tools": [
        {
            "functionDeclarations": [
                {
                    "name": "a",
                    "parameters": {"type": "OBJECT", "properties": {"x": {"type": "STRING", "nullable": True}}},
                },
                {"name": "b", "parametersJsonSchema": {"type": "OBJECT", "properties": {}}, "behavior": "BLOCKING"},
                {"name": "c"},
            ]
        },
        {"googleSearch": {"excludeDomains": ["a.b"]}},
        {"codeExecution": {}},
    ],
    "toolConfig": {"retrievalConfig": {"languageCode": "ru"}, "functionCallingConfig": {"mode": "VALIDATED"}},
}


def test_what_a_client_of_this_wire_offers_is_offered_as_it_came() -> None:
    body, written = write(read(OWN), NEW, native=True)
    assert body == OWN
    assert written.losses == ()


@pytest.mark.parametrize(
    "choice",
    [
        {"mode": "ANY", "allowedFunctionNames": ["a", "b"]},
        {"mode": "ANY", "allowedFunctionNames": ["a"]},
        {"mode": "VALIDATED", "allowedFunctionNames": ["a"]},
        {"mode": "MODE_UNSPECIFIED"},
        {"mode": "NONE"},
    ],
)
def test_a_choice_of_a_client_of_this_wire_is_said_as_it_came(choice: Json) -> None:
    body, written = write(read(OWN | {"toolConfig": {"functionCallingConfig": choice}}))
    assert body["toolConfig"] == {"functionCallingConfig": choice}
    assert written.losses == ()


def test_what_others_read_of_it_is_json_schema() -> None:
    tools = [tool for tool in read(OWN).tools if isinstance(tool, Tool)]
    first, second, third = (None if tool.schema is None else json.loads(bytes(tool.schema)) for tool in tools)
    assert first == {"type": "object", "properties": {"x": {"type": ["string", "null"]}}}
    assert second == {"type": "object", "properties": {}}
    assert third is None
