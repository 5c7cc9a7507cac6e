"""What the reader makes of a client's request."""

from __future__ import annotations

import json
from typing import Any

import pytest
from msgspec import Raw

from dragoman.canon.problem import Kind
from dragoman.canon.request import (
    CacheMark,
    Extras,
    File,
    Image,
    Inline,
    Link,
    OutputShape,
    Part,
    ProviderTool,
    Reasoning,
    Sampling,
    Seal,
    ServerTool,
    Stored,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolReference,
    ToolResult,
    Turn,
    Unknown,
)
from dragoman.canon.seal import wrap
from dragoman.dialects.anthropic.plain import plainly
from dragoman.dialects.anthropic.request import wants_long_context
from tests.dialects.anthropic.stage import BODIES, SCENES, body, read, refused, said


def part(block: Any) -> Part:
    """The part of one block, the same beside an unknown member of the body or of the message."""
    wire = said(block)
    shut, opened = read(wire), read(wire | {"novel": 1})
    wire["messages"][0]["novel"] = 1
    assert shut.turns == opened.turns
    assert shut.turns[0].parts == read(wire).turns[0].parts
    return shut.turns[0].parts[0]


@pytest.mark.parametrize("name", BODIES)
def test_every_captured_request_is_read(name: str) -> None:
    wire = body(name)
    request = read((SCENES / f"{name}.json").read_bytes())
    assert request.model == wire["model"]
    assert len(request.turns) == len(wire["messages"])
    assert [tool.name for tool in request.tools] == [tool["name"] for tool in wire.get("tools", [])]
    assert not request.losses


def test_a_count_request_needs_no_output_limit() -> None:
    request = read(body("claude-code-counts-tokens"))
    assert request.max_output is None
    assert request.turns == (Turn("user", (Text("foo"),), as_string=True),)


def test_pitfall_001_a_system_message_midway_is_a_system_turn() -> None:
    turns = read(body("claude-code-steers-effort-midway")).turns
    assert [turn.role for turn in turns] == ["user", "system", "assistant", "user", "user", "system"]
    assert turns[1].parts == ()
    assert turns[1].extras == Extras("anthropic", {"output_config": Raw(b'{"effort": "medium"}')})


def test_pitfall_003_an_unknown_block_is_kept_whole_with_its_words() -> None:
    block = {"type": "hologram", "text": "a cube", "edges": 12}
    found = part(block)
    assert isinstance(found, Unknown)
    assert (found.dialect, found.kind, found.fallback) == ("anthropic", "hologram", "a cube")
    assert json.loads(bytes(found.raw)) == block


@pytest.mark.parametrize(
    ("wire", "expected"),
    [
        ({"type": "adaptive", "display": "updates"}, Reasoning("adaptive", display="updates")),
        ({"type": "enabled", "budget_tokens": 31999}, Reasoning("on", 31999)),
        ({"type": "disabled"}, Reasoning("off")),
        (
            {"type": "adaptive", "turns": {"keep": 1}},
            Reasoning("adaptive", extras=Extras("anthropic", {"turns": Raw(b'{"keep": 1}')})),
        ),
    ],
)
def test_pitfall_004_thinking_is_a_wish_of_several_kinds(wire: dict[str, Any], expected: Reasoning) -> None:
    assert read(said(thinking=wire)).reasoning == expected


def test_a_new_kind_of_thinking_is_kept_as_it_is() -> None:
    request = read(said(thinking={"type": "between_tools"}))
    assert request.reasoning == Reasoning()
    assert request.extras == Extras("anthropic", {"thinking": Raw(b'{"type": "between_tools"}')})


def test_pitfall_029_effort_and_format_are_read_and_the_rest_of_output_config_is_kept() -> None:
    shape = {"type": "json_schema", "schema": {"type": "object"}, "novel": 1}
    request = read(said(output_config={"effort": "high", "format": shape, "task_budget": {"total": 9}}))
    assert request.reasoning.effort == "high"
    extras = Extras("anthropic", {"novel": Raw(b"1")})
    assert request.output_shape == OutputShape("json_schema", Raw(b'{"type": "object"}'), extras=extras)
    assert request.extras == Extras("anthropic", {"output_config": Raw(b'{"task_budget":{"total": 9}}')})


def test_a_format_of_another_kind_is_kept_as_it_is() -> None:
    request = read(said(output_config={"format": {"type": "yaml"}}))
    assert request.output_shape is None
    assert request.extras == Extras("anthropic", {"output_config": Raw(b'{"format":{"type": "yaml"}}')})


def test_the_older_output_format_means_the_same() -> None:
    request = read(said(output_format={"type": "json_schema", "schema": {}}))
    assert request.output_shape == OutputShape("json_schema", Raw(b"{}"))
    assert request.extras is None


def test_pitfall_005_a_system_prompt_keeps_its_parts_and_marks() -> None:
    marked = {"type": "text", "text": "b", "cache_control": {"type": "ephemeral", "ttl": "1h"}}
    request = read(said(system=[{"type": "text", "text": "a"}, marked]))
    assert request.system == (Text("a"), Text("b", CacheMark("1h")))
    assert not request.system_as_string
    plain = read(said(system="be brief"))
    assert (plain.system, plain.system_as_string) == ((Text("be brief"),), True)


def test_pitfall_008_the_billing_line_is_no_words_for_a_model() -> None:
    first = read(body("claude-code-finds-deferred-tools")).system[0]
    assert isinstance(first, Unknown)
    assert (first.kind, first.fallback) == ("billing", None)


def test_pitfall_010_the_user_is_an_opaque_text_and_other_metadata_is_kept() -> None:
    request = read(said(metadata={"user_id": '{"session_id":"s"}', "tenant": 7}))
    assert request.user == '{"session_id":"s"}'
    assert request.extras == Extras("anthropic", {"metadata": Raw(b'{"tenant":7}')})
    assert read(said(metadata={"user_id": None})).user is None


def test_pitfall_021_a_lone_surrogate_becomes_a_replacement_character_and_a_loss() -> None:
    raw = b'{"model":"m","messages":[{"role":"user","content":"a \\ud83d b \\\\ud800 \\ud83e\\udd8a \\udc00"}]}'
    request = read(raw)
    assert request.turns[0].parts == (Text("a \ufffd b \\ud800 🦊 \ufffd"),)
    assert [loss.what for loss in request.losses] == ["text.surrogate"]


def test_pitfall_023_only_a_true_stream_streams() -> None:
    assert read(said(stream=True)).stream
    assert not read(said(stream=False)).stream
    assert not read(said()).stream


def test_pitfall_025_the_suffix_of_a_model_is_left_to_routing() -> None:
    assert read(said() | {"model": "claude-opus-5-5[1m]"}).model == "claude-opus-5-5[1m]"


def test_pitfall_044_every_tool_choice_is_read() -> None:
    choices: list[Any] = [{"type": "auto"}, {"type": "any"}, {"type": "none"}, {"type": "tool", "name": "Bash"}]
    found = [read(said(tool_choice=choice)).tool_choice for choice in choices]
    assert found == [ToolChoice("auto"), ToolChoice("any"), ToolChoice("none"), ToolChoice("one", "Bash")]


def test_a_new_kind_of_tool_choice_is_kept_as_it_is() -> None:
    request = read(said(tool_choice={"type": "vote", "of": 3}))
    assert request.tool_choice is None
    assert request.extras == Extras("anthropic", {"tool_choice": Raw(b'{"type": "vote", "of": 3}')})


def test_pitfall_045_disabled_parallel_calls_are_read() -> None:
    request = read(said(tool_choice={"type": "auto", "disable_parallel_tool_use": True, "novel": 1}))
    assert request.parallel_tools is False
    assert request.tool_choice == ToolChoice("auto", extras=Extras("anthropic", {"novel": Raw(b"1")}))
    assert read(said(tool_choice={"type": "auto", "disable_parallel_tool_use": False})).parallel_tools is None


def test_pitfall_046_a_tool_keeps_what_is_said_of_it() -> None:
    plain = {"name": "Bash", "description": "runs", "input_schema": {"type": "object"}, "strict": True}
    more = plain | {
        "type": "custom",
        "defer_loading": True,
        "input_examples": [{}],
        "cache_control": {"type": "ephemeral"},
    }
    schema = Raw(b'{"type": "object"}')
    assert read(said(tools=[plain])).tools == (Tool("Bash", "runs", schema, strict=True),)
    extras = Extras("anthropic", {"input_examples": Raw(b"[{}]")})
    expected = Tool("Bash", "runs", schema, strict=True, deferred=True, cache_mark=CacheMark(), extras=extras)
    assert read(said(tools=[more])).tools == (expected,)


@pytest.mark.parametrize("schema", [{}, {"input_schema": None}])
def test_pitfall_041_a_tool_without_a_schema_is_read(schema: dict[str, Any]) -> None:
    assert read(said(tools=[{"name": "Bash", **schema}])).tools == (Tool("Bash"),)


def test_pitfall_047_a_typed_tool_belongs_to_its_vendor() -> None:
    (tool,) = read(body("claude-code-searches-the-web")).tools
    assert isinstance(tool, ProviderTool)
    assert (tool.kind, tool.name) == ("web_search_20250305", "web_search")
    assert json.loads(bytes(tool.raw)) == {"type": "web_search_20250305", "name": "web_search", "max_uses": 8}


def test_pitfall_050_a_clients_own_web_search_is_an_ordinary_tool() -> None:
    assert read(said(tools=[{"name": "web_search", "input_schema": {}}])).tools == (
        Tool("web_search", schema=Raw(b"{}")),
    )


def test_pitfall_051_tool_references_and_deferred_tools_are_read() -> None:
    request = read(body("claude-code-finds-deferred-tools"))
    result = request.turns[3].parts[0]
    assert isinstance(result, ToolResult)
    assert result.parts == (ToolReference("WebFetch"), ToolReference("NotebookEdit"))
    assert {tool.name for tool in request.tools if isinstance(tool, Tool) and tool.deferred} >= {"WebFetch"}


def test_arguments_stay_the_text_they_were() -> None:
    block = b'{"type":"tool_use","id":"t","name":"n","input":{"a" : 1.0,\n"b":"\\u00e9"}}'
    raw = b'{"model":"m","messages":[{"role":"assistant","content":[' + block + b"]}]}"
    assert read(raw).turns[0].parts == (ToolCall("t", "n", '{"a" : 1.0,\n"b":"\\u00e9"}'),)
    assert read(raw[:-1] + b',"novel":1}').turns == read(raw).turns


def test_a_call_keeps_its_mark_and_what_else_is_said_of_it() -> None:
    block = {"type": "tool_use", "id": "t", "name": "n", "input": {}, "cache_control": {"type": "ephemeral"}}
    assert part(block) == ToolCall("t", "n", "{}", cache_mark=CacheMark())
    extras = Extras("anthropic", {"caller": Raw(b'{"type": "direct"}')})
    assert part(block | {"caller": {"type": "direct"}}) == ToolCall(
        "t", "n", "{}", cache_mark=CacheMark(), extras=extras
    )


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ({"content": "out"}, ToolResult("t", (Text("out"),), as_string=True)),
        ({"content": ""}, ToolResult("t", as_string=True)),
        ({"content": None}, ToolResult("t")),
        ({}, ToolResult("t")),
        ({"content": [], "is_error": True}, ToolResult("t", is_error=True)),
        ({"content": [{"type": "text", "text": "x"}], "is_error": False}, ToolResult("t", (Text("x"),), False)),
        (
            {"content": [{"type": "text", "text": "x", "novel": 1}], "toolset_name": "b"},
            ToolResult(
                "t",
                (Text("x", extras=Extras("anthropic", {"novel": Raw(b"1")})),),
                extras=Extras("anthropic", {"toolset_name": Raw(b'"b"')}),
            ),
        ),
    ],
)
def test_a_tool_result_is_read_in_every_form(content: dict[str, Any], expected: ToolResult) -> None:
    assert part({"type": "tool_result", "tool_use_id": "t", **content}) == expected


def test_pitfall_071_image_and_text_of_one_result_are_both_kept() -> None:
    turns = read(body("claude-code-shows-image-and-pdf")).turns
    image, document = turns[5].parts
    assert isinstance(image, ToolResult)
    assert isinstance(document, ToolResult)
    (picture,) = image.parts
    assert isinstance(picture, Image)
    assert isinstance(picture.source, Inline)
    words, pdf = document.parts
    assert isinstance(words, Text)
    assert isinstance(pdf, File)
    assert isinstance(pdf.source, Inline)
    assert pdf.source.media_type == "application/pdf"
    assert document.cache_mark == CacheMark()


def test_a_search_result_in_a_tool_result_is_kept_with_its_words() -> None:
    block = {
        "type": "search_result",
        "source": "https://e.com",
        "title": "E",
        "content": [{"type": "text", "text": "w"}],
    }
    found = part({"type": "tool_result", "tool_use_id": "t", "content": [block]})
    assert isinstance(found, ToolResult)
    (inner,) = found.parts
    assert isinstance(inner, Unknown)
    assert (inner.kind, inner.fallback) == ("search_result", "E: https://e.com\nw")


def test_pitfall_076_a_signature_without_a_mark_is_the_native_vendors() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": "EqQB"}
    assert part(block) == Thinking("hm", seal=Seal("", "EqQB"))
    assert part(block | {"novel": 1}) == Thinking(
        "hm", seal=Seal("", "EqQB"), extras=Extras("anthropic", {"novel": Raw(b"1")})
    )
    assert part({"type": "thinking", "thinking": "hm"}) == Thinking("hm")
    assert part({"type": "thinking", "thinking": "hm", "signature": "", "novel": None}) == Thinking(
        "hm", extras=Extras("anthropic", {"novel": Raw(b"null")})
    )


def test_pitfall_077_a_wrapped_signature_names_its_issuer() -> None:
    block = {"type": "thinking", "thinking": "hm", "signature": wrap(Seal("acme", "sig"))}
    assert part(block) == Thinking("hm", seal=Seal("acme", "sig"))


def test_pitfall_079_redacted_thinking_is_a_seal_without_words() -> None:
    block = {"type": "redacted_thinking", "data": "Emw"}
    assert part(block) == Thinking("", redacted=True, seal=Seal("", "Emw"))
    assert part(block | {"novel": 1}) == Thinking(
        "", redacted=True, seal=Seal("", "Emw"), extras=Extras("anthropic", {"novel": Raw(b"1")})
    )


def test_pitfall_086_a_carried_seal_returns_to_its_part() -> None:
    def carrier(blob: str) -> dict[str, str]:
        return {"type": "thinking", "thinking": "", "signature": wrap(Seal("gem", blob))}

    def call(name: str) -> dict[str, Any]:
        return {"type": "tool_use", "id": name, "name": name, "input": {}}

    wire = said(carrier(">a"), call("A"), call("B"), carrier("<b"), carrier(">lost"), carrier("real"), carrier("<c"))
    assert read(wire).turns[0].parts == (
        ToolCall("A", "A", "{}", seal=Seal("gem", "a")),
        ToolCall("B", "B", "{}", seal=Seal("gem", "b")),
        Thinking("", seal=Seal("gem", "real")),
        Thinking("", seal=Seal("gem", "c")),
        Thinking("", seal=Seal("gem", "lost")),
    )
    assert read(said(carrier(">x"), carrier(">y"), call("A"))).turns[0].parts == (
        Thinking("", seal=Seal("gem", "x")),
        ToolCall("A", "A", "{}", seal=Seal("gem", "y")),
    )


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "base64", "media_type": "image/png", "data": "iVBO"}, Inline("image/png", "iVBO")),
        ({"type": "url", "url": "https://e.com/i"}, Link("https://e.com/i")),
        ({"type": "file", "file_id": "file_1"}, Stored("anthropic", "file_1")),
    ],
)
def test_pitfall_091_images_are_read_from_every_source(
    source: dict[str, Any], expected: Inline | Link | Stored
) -> None:
    assert part({"type": "image", "source": source}) == Image(expected)
    extras = Extras("anthropic", {"transformations": Raw(b"{}")})
    assert part({"type": "image", "source": source, "transformations": {}}) == Image(expected, extras=extras)


def test_an_image_of_unknown_source_is_kept_whole() -> None:
    for source in ({"type": "drone", "id": 4}, {"type": "text", "media_type": "text/plain", "data": "x"}):
        found = part({"type": "image", "source": source})
        assert isinstance(found, Unknown)
        assert found.kind == "image"


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ({"type": "text", "media_type": "text/plain", "data": "words"}, File(text="words")),
        ({"type": "base64", "media_type": "application/pdf", "data": "JVB"}, File(Inline("application/pdf", "JVB"))),
        ({"type": "url", "url": "https://e.com/d"}, File(Link("https://e.com/d"))),
        ({"type": "file", "file_id": "file_1"}, File(Stored("anthropic", "file_1"))),
    ],
)
def test_pitfall_089_documents_are_read_from_every_source(source: dict[str, Any], expected: File) -> None:
    assert part({"type": "document", "source": source}) == expected
    found = part({"type": "document", "source": source, "title": "T", "context": "C", "citations": {"enabled": True}})
    assert isinstance(found, File)
    assert (found.source, found.text, found.name, found.context) == (expected.source, expected.text, "T", "C")
    assert found.extras == Extras("anthropic", {"citations": Raw(b'{"enabled": true}')})


def test_a_document_of_blocks_is_kept_whole_with_its_words() -> None:
    source = {"type": "content", "content": [{"type": "text", "text": "one"}, {"type": "text", "text": "two"}]}
    found = part({"type": "document", "title": "T", "source": source})
    assert isinstance(found, Unknown)
    assert found.fallback == "T\none\ntwo"
    plain = part({"type": "document", "source": {"type": "text", "media_type": "text/x-novel", "data": "words"}})
    assert isinstance(plain, Unknown)
    assert plain.fallback == "words"


@pytest.mark.parametrize(
    ("block", "words"),
    [
        (
            {"type": "server_tool_use", "id": "s", "name": "web_search", "input": {"query": "sse"}},
            "[web_search] sse",
        ),
        (
            {
                "type": "web_search_tool_result",
                "tool_use_id": "s",
                "content": [
                    {"type": "web_search_result", "title": "SSE", "url": "https://e.com", "encrypted_content": "x"}
                ],
            },
            "SSE: https://e.com",
        ),
        (
            {
                "type": "web_fetch_tool_result",
                "tool_use_id": "s",
                "content": {
                    "type": "web_fetch_result",
                    "url": "https://e.com",
                    "content": {
                        "type": "document",
                        "source": {"type": "text", "media_type": "text/plain", "data": "page"},
                    },
                },
            },
            "https://e.com\npage",
        ),
        (
            {
                "type": "code_execution_tool_result",
                "tool_use_id": "s",
                "content": {
                    "type": "code_execution_result",
                    "stdout": "4",
                    "stderr": "",
                    "return_code": 0,
                    "content": [],
                },
            },
            "4",
        ),
        (
            {"type": "web_search_tool_result", "tool_use_id": "s", "content": {"error_code": "unavailable"}},
            "unavailable",
        ),
        ({"type": "mcp_tool_result", "tool_use_id": "s", "content": "plain"}, "plain"),
        ({"type": "mcp_tool_use", "id": "s", "name": "x", "input": {}}, None),
    ],
)
def test_what_the_vendor_ran_itself_is_kept_whole_with_its_words(block: dict[str, Any], words: str | None) -> None:
    found = part(block)
    assert isinstance(found, ServerTool)
    assert (found.kind, found.fallback) == (block["type"], words)
    assert json.loads(bytes(found.raw)) == block


def test_a_cache_mark_with_more_in_it_is_kept_whole() -> None:
    control = {"type": "ephemeral", "scope": "global", "ttl": "1h"}
    expected = Extras("anthropic", {"cache_control": Raw(json.dumps(control).encode())})
    assert part({"type": "text", "text": "a", "cache_control": control}) == Text("a", CacheMark("1h"), extras=expected)
    odd = Extras("anthropic", {"cache_control": Raw(b"7")})
    assert part({"type": "text", "text": "a", "cache_control": 7}) == Text("a", extras=odd)


def test_a_block_nested_without_end_says_nothing() -> None:
    deep = json.dumps({"type": "novel"}).replace("novel", 'novel","content":' + "[" * 400 + "]" * 400 + ',"x":"')
    found = part(json.loads(deep))
    assert isinstance(found, Unknown)
    assert found.fallback is None
    assert plainly(Raw(b"{")) is None


def test_a_reference_to_a_tool_keeps_what_else_is_said() -> None:
    block = {"type": "tool_reference", "tool_name": "t", "novel": 1}
    assert part(block) == ToolReference("t", extras=Extras("anthropic", {"novel": Raw(b"1")}))


def test_a_text_keeps_its_citations() -> None:
    assert part({"type": "text", "text": "a", "citations": [1]}) == Text(
        "a", extras=Extras("anthropic", {"citations": Raw(b"[1]")})
    )


def test_what_is_not_understood_is_kept_at_every_level() -> None:
    wire = said({"type": "text", "text": "a"}, novel={"x": 1}, cache_control={"type": "ephemeral"})
    wire["messages"][0]["mood"] = "calm"
    request = read(wire)
    assert request.extras is not None
    assert set(request.extras.members) == {"novel", "cache_control"}
    assert request.turns[0].extras == Extras("anthropic", {"mood": Raw(b'"calm"')})


def test_the_rest_of_the_body_is_read() -> None:
    request = read(
        said(temperature=0.5, top_p=1, top_k=40.0, stop_sequences=["END"], service_tier="auto", max_tokens=4096)
    )
    assert request.sampling == Sampling(0.5, 1.0, 40)
    assert (request.stop, request.service_tier, request.max_output) == (("END",), "auto", 4096)


@pytest.mark.parametrize(
    ("wire", "member"),
    [
        ({"messages": []}, "model"),
        ({"model": 3, "messages": []}, "model"),
        ({"model": "m"}, "messages"),
        ({"model": "m", "messages": {}}, "messages"),
        ({"model": "m", "messages": [7]}, "messages[0]"),
        ({"model": "m", "messages": [{"content": "x"}]}, "messages[0].role"),
        ({"model": "m", "messages": [{"role": "robot", "content": "x"}]}, "messages[0].role"),
        ({"model": "m", "messages": [{"role": "user"}]}, "messages[0].content"),
        ({"model": "m", "messages": [{"role": "user", "content": 5}]}, "messages[0].content"),
        ({"model": "m", "messages": [{"role": "user", "content": [5]}]}, "messages[0].content[0]"),
        (said({"text": "x"}), "messages[0].content[0].type"),
        (said({"type": "text"}), "messages[0].content[0].text"),
        (said({"type": "text", "text": ["x"]}), "messages[0].content[0].text"),
        (said({"type": "tool_use", "id": "t", "name": "n"}), "messages[0].content[0].input"),
        (said({"type": "tool_use", "name": "n", "input": {}}), "messages[0].content[0].id"),
        (said({"type": "tool_result", "content": "x"}), "messages[0].content[0].tool_use_id"),
        (
            said({"type": "tool_result", "tool_use_id": "t", "content": [{"type": "text"}]}),
            "messages[0].content[0].content[0].text",
        ),
        (said({"type": "image"}), "messages[0].content[0].source"),
        (said(system=[{"type": "text"}]), "system[0].text"),
        (said(system=7), "system"),
        (said(tools=[{"description": "x"}]), "tools[0].name"),
        (said(tools=7), "tools"),
        (said(tool_choice={"type": "tool"}), "tool_choice.name"),
        (said(tool_choice="auto"), "tool_choice"),
        (said(thinking={}), "thinking.type"),
        (said(thinking={"type": "enabled", "budget_tokens": "many"}), "thinking.budget_tokens"),
        (said(output_config={"effort": 3}), "output_config.effort"),
        (said() | {"max_tokens": "many"}, "max_tokens"),
        (said() | {"max_tokens": 1.5}, "max_tokens"),
        (said(stream="yes"), "stream"),
        (said(stop_sequences="END"), "stop_sequences"),
        (said(metadata={"user_id": 7}), "metadata.user_id"),
    ],
)
def test_a_wrong_member_is_named(wire: dict[str, Any], member: str) -> None:
    found = refused(wire)
    assert found.kind is Kind.INVALID_REQUEST
    assert f"'{member}'" in found.message
    assert found.param == member


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"[]",
        b"{",
        b'{"model":"m","messages":[],"max_tokens":NaN}',
        b'{"model":"m","messages":[{"role":"user","content":"\xff"}]}',
        b'{"model":"m","messages":[],"x":' + b"[" * 90_000 + b"]" * 90_000 + b"}",
        b'{"model":"m","messages":' + b"[" * 90_000,
    ],
)
def test_what_is_no_json_is_refused_in_words(raw: bytes) -> None:
    assert refused(raw).kind is Kind.INVALID_REQUEST


def test_bad_utf8_is_refused_with_its_place() -> None:
    assert "at byte 24" in refused(b'{"model":"m","messages":\xff}').message
    block = b'{"type":"tool_use","id":"t","name":"n","input":{"a":"\xff"}}'
    inside = b'{"model":"m","messages":[{"role":"assistant","content":[' + block + b"]}]}"
    assert "not UTF-8" in refused(inside).message


@pytest.mark.parametrize(
    ("betas", "wants"),
    [
        ("context-1m-2025-08-07", True),
        ("claude-code-20250219, context-1m-2025-08-07,x", True),
        ("claude-code-20250219,not-context-1m", False),
        ("", False),
    ],
)
def test_a_beta_asks_for_the_longer_context(betas: str, wants: bool) -> None:
    assert wants_long_context({"anthropic-beta": betas}) is wants
    assert not wants_long_context({})
