"""Tools described in fewer words: only descriptions are cut, the longest first, and always alike."""

from __future__ import annotations

import json
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import Raw

from dragoman.canon.request import Tool
from dragoman.dialects.gigachat import DIALECT
from dragoman.dialects.gigachat.brevity import CHARACTERS_OF_TOKEN, cut
from tests.dialects.gigachat.stage import NEWER, Json, asked, losses, target, write

SCHEMA: Json = {
    "type": "object",
    "description": "d" * 500,
    "properties": {
        "description": {"type": "string", "description": "e" * 500},
        "paths": {"type": "array", "items": {"anyOf": [{"type": "string", "description": "f" * 500}]}},
    },
    "required": ["description"],
    "$defs": {"description": {"type": "object", "description": "g" * 500}},
}


def tool(name: str, description: str, schema: Json | None = None) -> Tool:
    """A tool described so."""
    plain = {"type": "object", "properties": {"path": {"type": "string"}}}
    return Tool(name, description, Raw(json.dumps(schema or plain).encode()))


def offered(*tools: Tool, budget: int) -> tuple[list[Any], list[str]]:
    """The functions as they are sent, and the losses."""
    body, written = write(asked(tools=tools), NEWER, tool_budget=budget)
    return body["functions"], losses(written)


def test_what_fits_stays_as_it_is() -> None:
    functions, lost = offered(tool("Read", "Reads a file. " * 9), budget=3000)
    assert functions[0]["description"] == "Reads a file. " * 9
    assert lost == []


def test_the_longest_are_cut_to_the_end_of_a_sentence_and_short_ones_stay() -> None:
    functions, lost = offered(tool("Bash", "Runs a command. " * 300), tool("Read", "Reads a file."), budget=600)
    assert functions[1]["description"] == "Reads a file."
    assert functions[0]["description"].endswith("Runs a command.…")
    assert 1000 < len(functions[0]["description"]) < 1700
    assert lost == ["tool.description"]


def test_schemas_keep_their_properties_when_their_words_are_cut() -> None:
    functions, lost = offered(tool("Bash", "Runs. " * 99, SCHEMA), budget=200)
    schema = functions[0]["parameters"]
    assert schema["properties"].keys() == SCHEMA["properties"].keys()
    assert schema["required"] == ["description"]
    assert max(len(words) for words in _descriptions(schema)) <= 60
    assert lost == ["tool.schema.description", "tool.description"]


def _descriptions(schema: Any) -> list[str]:
    found = [schema["description"]] if isinstance(schema, dict) and isinstance(schema.get("description"), str) else []
    inner = schema.values() if isinstance(schema, dict) else schema if isinstance(schema, list) else ()
    return found + [each for value in inner for each in _descriptions(value)]


@given(st.lists(st.text("ab. \n", max_size=3000), min_size=1, max_size=20), st.integers(2500, 4000))
@settings(max_examples=60)
def test_any_descriptions_are_brought_within_the_budget(texts: list[str], budget: int) -> None:
    tools = [tool(f"tool_{place}", text) for place, text in enumerate(texts)]
    functions, lost = offered(*tools, budget=budget)
    assert len(json.dumps(functions, separators=(",", ":"))) <= budget * CHARACTERS_OF_TOKEN
    assert [function["name"] for function in functions] == [each.name for each in tools]
    assert bool(lost) == (any(function["description"] not in texts for function in functions))


@given(st.text(min_size=2), st.integers(2, 50))
def test_a_cut_text_is_a_beginning(text: str, most: int) -> None:
    assert text.startswith(cut(text, most).removesuffix("…"))
    assert len(cut(text, most)) <= most


def test_cutting_the_words_in_schemas_may_be_enough() -> None:
    functions, lost = offered(tool("Edit", "Edits.", SCHEMA), tool("Read", "Reads."), budget=400)
    assert [function["description"] for function in functions] == ["Edits.", "Reads."]
    assert lost == ["tool.schema.description"]


def test_schemas_of_any_form_are_cut() -> None:
    odd = {"type": "object", "properties": {"a": {"type": "array", "items": True}}, "$defs": 5, "description": 5}
    functions, _ = offered(tool("Odd", "x" * 999, odd), budget=50)
    assert functions[0]["parameters"] == odd


def test_a_client_of_this_wire_may_leave_the_arguments_out() -> None:
    request = asked(tools=(Tool("Read", "word " * 999),), dialect="gigachat")
    written = DIALECT.write_request(request, target(NEWER, tool_budget=50))
    (function,) = json.loads(written.body)["functions"]
    assert "parameters" not in function
    assert len(function["description"]) <= 150
