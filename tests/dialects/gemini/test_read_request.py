"""What is read of a client's body, in either spelling, and what is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from dragoman.canon.problem import Kind
from dragoman.canon.request import (
    Audio,
    File,
    Image,
    Inline,
    Link,
    OutputShape,
    ProviderTool,
    Reasoning,
    Sampling,
    Seal,
    Text,
    Thinking,
    Tool,
    ToolCall,
    ToolChoice,
    ToolResult,
)
from dragoman.canon.seal import wrap
from dragoman.dialects.gemini.casing import camel, spelled
from dragoman.dialects.gemini.schemas import plain_schema
from dragoman.dialects.gemini.seals import seal_in, signature_of
from dragoman.dialects.take import Members
from tests.dialects.gemini.stage import Json, read, refused

HI: Json = {"role": "user", "parts": [{"text": "hi"}]}


def said(*parts: Json, role: str = "user") -> Any:
    """The parts of one content as they are read."""
    return read({"contents": [{"role": role, "parts": list(parts)}]}).turns[0].parts


def test_both_spellings_are_read_alike() -> None:
    snake = {
        "model": "models/gemini-x",
        "contents": [
            {"role": "model", "parts": [{"function_call": {"name": "a", "args": {"snake_key": 1}}}]},
            {"parts": [{"function_response": {"name": "a", "response": {"output": "x"}}}]},
            {"parts": [{"inline_data": {"mime_type": "image/png", "data": "AA=="}}]},
            {"parts": [{"file_data": {"file_uri": "https://a/b.pdf"}}, {"text": "t", "thought_signature": "S"}]},
        ],
        "system_instruction": {"parts": [{"text": "you"}]},
        "tools": [
            {"function_declarations": [{"name": "a", "parameters_json_schema": {"type": "object", "my_word": 1}}]},
            {"google_search": {}},
        ],
        "tool_config": {"function_calling_config": {"mode": "any", "allowed_function_names": ["a"]}},
        "generation_config": {
            "max_output_tokens": 5,
            "top_p": 0.5,
            "top_k": 2.0,
            "stop_sequences": ["s"],
            "frequency_penalty": 1,
            "presence_penalty": 2,
            "response_mime_type": "application/json",
            "response_json_schema": {"type": "object"},
            "thinking_config": {"thinking_level": "low", "include_thoughts": True},
        },
        "service_tier": "flex",
    }
    request = read(snake)
    call = request.turns[0].parts[0]
    assert isinstance(call, ToolCall)
    assert json.loads(call.arguments) == {"snake_key": 1}
    assert request.turns[1].parts == (ToolResult(call.id, (Text("x"),), name="a", as_string=True),)
    assert request.turns[2].parts == (Image(Inline("image/png", "AA==")),)
    assert request.turns[3].parts == (File(Link("https://a/b.pdf")), Text("t", seal=Seal("", "S")))
    assert (request.model, request.system) == ("gemini-x", (Text("you"),))
    assert [type(tool) for tool in request.tools] == [Tool, ProviderTool]
    assert request.tool_choice == ToolChoice("one", "a")
    assert (request.max_output, request.stop, request.service_tier) == (5, ("s",), "flex")
    assert request.sampling == Sampling(None, 0.5, 2, None, 1.0, 2.0)
    assert request.reasoning == Reasoning(effort="low", display="summarized")
    assert isinstance(request.output_shape, OutputShape)
    assert request.extras is None
    tool = request.tools[0]
    assert isinstance(tool, Tool)
    assert b"my_word" in bytes(tool.schema or b"")


def test_a_name_said_both_ways_keeps_the_camel_case_value() -> None:
    left = spelled(Members.of(b'{"a_b": 1, "aB": 2, "_x": 3, "c": 4}')).rest("d")
    assert left is not None
    assert {name: bytes(value) for name, value in left.members.items()} == {"aB": b"2", "_x": b"3", "c": b"4"}
    assert camel("a_b_c") == "aBC"


def test_one_object_may_stand_for_a_list() -> None:
    request = read({"contents": {"role": "USER", "parts": {"text": "hi"}}})
    assert request.turns[0].parts == (Text("hi"),)


def test_a_token_count_s_request_is_read() -> None:
    assert read({"generateContentRequest": {"model": "models/x", "contents": [HI]}}).model == "x"


@pytest.mark.parametrize("system", ["you", {"parts": [{"text": "you"}]}, {"role": "system", "parts": {"text": "you"}}])
def test_the_system_instruction_is_read(system: Any) -> None:
    assert read({"contents": [HI], "systemInstruction": system}).system == (Text("you"),)


def test_no_system_instruction_is_none() -> None:
    assert read({"contents": [HI], "systemInstruction": None}).system == ()


@pytest.mark.parametrize(
    ("part", "expected"),
    [
        ({"inlineData": {"mimeType": "audio/wav", "data": "AA=="}}, Audio(Inline("audio/wav", "AA=="))),
        ({"text": "t", "thought": True}, Thinking("t")),
        ({"thought": True, "thoughtSignature": "S"}, Thinking("", seal=Seal("", "S"))),
        ({}, Text("")),
    ],
)
def test_parts_are_read(part: Json, expected: Any) -> None:
    assert said(part) == (expected,)


@pytest.mark.parametrize(
    ("response", "texts", "failed"),
    [
        ({"output": "x"}, ["x"], None),
        ({"result": "x"}, ["x"], None),
        ({"content": "x", "name": "a"}, ["x"], None),
        ({"error": "x"}, ["x"], True),
        ({"error": "x", "output": "y"}, ['{"error": "x", "output": "y"}'], None),
        ({"output": "x", "result": "y"}, ['{"output": "x", "result": "y"}'], None),
        ({"output": 1}, ['{"output": 1}'], None),
        ("words", ['"words"'], None),
        (None, [], None),
    ],
)
def test_results_are_read(response: Any, texts: list[str], failed: bool | None) -> None:
    (result,) = said({"functionResponse": {"id": "c", "name": "a", "response": response}})
    assert isinstance(result, ToolResult)
    assert [part.text for part in result.parts if isinstance(part, Text)] == texts
    assert result.is_error is failed


def test_pitfall_058_calls_without_ids_are_numbered_and_answered_by_name_then_by_order() -> None:
    model = {
        "role": "model",
        "parts": [{"functionCall": {"name": name}} for name in ("Read", "Bash", "Read")]
        + [{"functionCall": {"name": "X", "id": "x"}}],
    }
    user = {
        "parts": [{"functionResponse": {"name": name}} for name in ("Bash", "Read", "Odd")]
        + [{"functionResponse": {"name": "X", "id": "x"}}, {"functionResponse": {"name": "Late"}}]
    }
    first, second = read({"contents": [model, user]}).turns
    ids = [part.id for part in first.parts if isinstance(part, ToolCall)]
    assert ids == ["unnumbered_1", "unnumbered_2", "unnumbered_3", "x"]
    answered = [part.call_id for part in second.parts if isinstance(part, ToolResult)]
    assert answered == ["unnumbered_2", "unnumbered_1", "unnumbered_3", "x", "unnumbered_4"]


@pytest.mark.parametrize(
    ("body", "param"),
    [
        (b"[1]", "body"),
        (b'{"contents": "hi"}', "contents"),
        (b"{}", "contents"),
        (b'{"contents": []}', "contents"),
        (b'{"contents": [{"role": "wizard", "parts": []}]}', "contents[0].role"),
        (b'{"contents": [{"parts": [{"text": 5}]}]}', "contents[0].parts[0].text"),
        (b'{"contents": [{"parts": [{"functionCall": {}}]}]}', "contents[0].parts[0].functionCall.name"),
        (b'{"contents": [{"parts": [{"inlineData": {}}]}]}', "contents[0].parts[0].inlineData.data"),
        (b'{"contents": [{"parts": [{"fileData": {}}]}]}', "contents[0].parts[0].fileData.fileUri"),
        (b'{"contents": [{}], "generationConfig": {"topK": "x"}}', "generationConfig.topK"),
        (b'{"contents": [{}], "tools": [{"functionDeclarations": [{}]}]}', "tools[0].functionDeclarations[0].name"),
    ],
)
def test_what_has_the_wrong_type_is_refused_by_its_name(body: bytes, param: str) -> None:
    found = refused(body)
    assert (found.kind, found.param) == (Kind.INVALID_REQUEST, param)


def test_bytes_that_are_no_text_are_refused() -> None:
    assert "UTF-8" in refused(b'{"contents": [{"parts": [{"text": "\xff"}]}]}').message


def test_pitfall_021_half_characters_are_replaced() -> None:
    request = read(b'{"contents": [{"parts": [{"text": "a\\ud83d"}]}]}')
    assert request.turns[0].parts == (Text("a�"),)
    assert [loss.what for loss in request.losses] == ["text.surrogate"]
    assert refused(b'{"contents": [{"parts": [{"text": "a\\ud83d"}]').kind is Kind.INVALID_REQUEST


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, {"type": "string"}),
        (
            {"type": "ARRAY", "items": {"any_of": [{"type": "NUMBER"}, 5]}, "min_items": 1},
            {"type": "array", "items": {"anyOf": [{"type": "number"}, 5]}, "minItems": 1},
        ),
        ({"nullable": True}, {}),
        ({"type": "OBJECT", "properties": 5, "anyOf": 5}, {"type": "object", "properties": 5, "anyOf": 5}),
        ({"enum": ["OBJECT"]}, {"enum": ["OBJECT"]}),
    ],
)
def test_schemas_of_this_wire_are_read_as_json_schema(schema: Json, expected: Json) -> None:
    from msgspec import Raw

    assert json.loads(bytes(plain_schema(Raw(json.dumps(schema).encode())))) == expected


def test_a_schema_too_deep_stays_as_it_is() -> None:
    from msgspec import Raw

    deep = Raw(b'{"type":"OBJECT","a":' + b"[" * 3000 + b"]" * 3000 + b"}")
    assert plain_schema(deep) is deep


@pytest.mark.parametrize("seal", [Seal("acme", "blob"), Seal("acme", ""), Seal("acct/ж", "s.i-g_1==")])
@pytest.mark.parametrize("redacted", [False, True])
def test_a_seal_survives_in_base64(seal: Seal, redacted: bool) -> None:
    assert seal_in(signature_of(seal, bare=False, redacted=redacted)) == (seal, redacted)


def test_pieces_of_thinking_are_one_part_until_a_signature_ends_it() -> None:
    signature = signature_of(Seal("acme", "S"), bare=False)
    pieces = [{"text": text, "thought": True} for text in ("I ", "think", "")]
    pieces[-1]["thoughtSignature"] = signature
    parts = [*pieces, {"text": "More.", "thought": True}, {"text": "Hi"}, {"text": " you"}]
    (turn,) = read({"contents": [{"role": "model", "parts": parts}]}).turns
    assert turn.parts == (Thinking("I think", seal=Seal("acme", "S")), Thinking("More."), Text("Hi"), Text(" you"))


def test_media_in_the_alphabet_of_the_vendors_sdk_are_the_same_media() -> None:
    part = {"inlineData": {"mimeType": "image/png", "data": "-_-_"}}
    (turn,) = read({"contents": [{"role": "user", "parts": [part]}]}).turns
    assert turn.parts == (Image(Inline("image/png", "+/+/")),)


def test_a_wrapped_seal_is_known_again_in_the_alphabet_of_the_vendors_sdk() -> None:
    # The SDK keeps bytes, and writes them as base64url: `+/` left, `-_` come back (google-genai 3.3).
    seal = Seal("acme", "~~>>??" * 3)
    signature = signature_of(seal, bare=False)

    assert {"+", "/"} & {*signature}
    assert seal_in(signature.replace("+", "-").replace("/", "_")) == (seal, False)


def test_seals_of_the_vendor_s_own_stay_bare() -> None:
    assert signature_of(Seal("acme", "QUJD"), bare=True) == "QUJD"
    assert signature_of(Seal("", "QUJD"), bare=False) == "QUJD"
    assert signature_of(None, bare=False) == ""
    for blob in ("QUJD", "no base64!", "8J+YgA=="):
        assert seal_in(blob) == (Seal("", blob), False)
    assert wrap(Seal("", "QUJD")) == "QUJD"
