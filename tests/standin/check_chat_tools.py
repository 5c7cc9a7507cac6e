"""What OpenAI's Chat Completions refuses in tools, tool choice and response format.

Source: as in check_chat.py, and the Structured outputs guide; read 2026-11-20.
"""

from __future__ import annotations

import re
from typing import Any

from tests.standin.voice import need

Json = dict[str, Any]

NAME = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def check_name(name: Any, where: str) -> None:
    good = isinstance(name, str) and NAME.fullmatch(name)
    message = (
        f"Invalid '{where}': string does not match pattern. Expected a string that matches '^[a-zA-Z0-9_-]{{1,64}}$'."
    )
    need(good, message, where, "invalid_value")


def check_tools(body: Json) -> None:
    tools = body.get("tools")
    if tools is None:
        for name in ("tool_choice", "parallel_tool_calls"):
            need(name not in body, f"'{name}' is only allowed when 'tools' are specified.", name)
        return
    need(isinstance(tools, list) and tools, "Invalid 'tools': empty array.", "tools", "empty_array")
    need(len(tools) <= 128, "Invalid 'tools': array too long. Expected an array with maximum length 128.", "tools")
    names = [_check_tool(tool, f"tools[{place}]") for place, tool in enumerate(tools)]
    need(len(set(names)) == len(names), "Duplicate tool names.", "tools")  # [seen]
    choice = body.get("tool_choice", "auto")
    if isinstance(choice, str):
        need(choice in ("none", "auto", "required"), f"Invalid value: {choice!r}", "tool_choice", "invalid_value")
        return
    need(isinstance(choice, dict), "Invalid type for 'tool_choice'.", "tool_choice", "invalid_type")
    kind = choice.get("type")
    need(kind in ("function", "custom", "allowed_tools"), f"Invalid value: {kind!r}", "tool_choice", "invalid_value")
    if kind != "allowed_tools":
        wanted = (choice.get(kind) or {}).get("name")
        need(wanted in names, f"Tool choice '{wanted}' not found in 'tools' parameter.", "tool_choice")


def _check_tool(tool: Any, where: str) -> str:
    kind: Any = tool.get("type") if isinstance(tool, dict) else None
    need(kind in ("function", "custom"), f"Invalid value: {kind!r} ({where}.type)", where, "invalid_value")
    extra = set(tool) - {"type", kind}
    need(not extra, f"Unknown parameter: '{where}.{min(extra, default='')}'.", where, "unknown_parameter")
    inner = tool.get(kind)
    need(isinstance(inner, dict), f"Missing required parameter: '{where}.{kind}'.", where, "missing_required_parameter")
    known = {"function": {"name", "description", "parameters", "strict"}, "custom": {"name", "description", "format"}}
    extra = set(inner) - known[str(kind)]
    need(not extra, f"Unknown parameter: '{where}.{kind}.{min(extra, default='')}'.", where, "unknown_parameter")
    check_name(inner.get("name"), f"{where}.{kind}.name")
    words = inner.get("description", "")
    need(isinstance(words, str), f"Invalid type for '{where}.{kind}.description'.", where, "invalid_type")
    schema = inner.get("parameters")
    if schema is not None:
        need(isinstance(schema, dict), f"Invalid type for '{where}.function.parameters'.", where, "invalid_type")
        if schema:
            kind_of = schema.get("type")
            message = f"Invalid schema for function '{inner['name']}': schema must be of 'type: \"object\"', got"
            need(kind_of == "object", f"{message} 'type: {kind_of!r}'.", where, "invalid_function_parameters")
        if inner.get("strict") is True:
            check_strict_schema(schema, f"function '{inner['name']}'")
    return str(inner["name"])


def check_format(body: Json) -> None:
    shape = body.get("response_format")
    if shape is None:
        return
    kind = shape.get("type") if isinstance(shape, dict) else None
    need(
        kind in ("text", "json_object", "json_schema"),
        f"Invalid value: {kind!r}",
        "response_format.type",
        "invalid_value",
    )
    if kind == "json_object":
        said = str(body["messages"]).lower()
        need("json" in said, "'messages' must contain the word 'json' in some form.", "messages")  # [seen]
    if kind == "json_schema":
        inner = shape.get("json_schema")
        where = "response_format.json_schema"
        need(isinstance(inner, dict), f"Missing required parameter: '{where}'.", where, "missing_required_parameter")
        extra = set(inner) - {"name", "description", "schema", "strict"}
        need(not extra, f"Unknown parameter: '{where}.{min(extra, default='')}'.", where, "unknown_parameter")
        check_name(inner.get("name"), f"{where}.name")
        if inner.get("strict") is True:
            need(isinstance(inner.get("schema"), dict), f"Missing required parameter: '{where}.schema'.", where)
            check_strict_schema(inner["schema"], f"response_format '{inner['name']}'")


def check_strict_schema(schema: Any, owner: str) -> None:
    """Strict mode: closed objects with all members required. Source: Structured outputs guide, read 2026-11-20."""
    if isinstance(schema, list):
        for each in schema:
            check_strict_schema(each, owner)
    if not isinstance(schema, dict):
        return
    if schema.get("type") == "object":
        closed = schema.get("additionalProperties") is False
        need(closed, f"Invalid schema for {owner}: 'additionalProperties' is required to be supplied and to be false.")
        all_required = set(schema.get("required", [])) == set(schema.get("properties", {}))
        need(all_required, f"Invalid schema for {owner}: 'required' must include every key in properties.")
    for name in ("properties", "$defs"):
        for inner in schema.get(name, {}).values():
            check_strict_schema(inner, owner)
    for name in ("items", "anyOf"):
        check_strict_schema(schema.get(name), owner)
