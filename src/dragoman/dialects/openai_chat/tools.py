"""Tools and the choice among them as a chat body's members."""

from __future__ import annotations

import msgspec
from msgspec import Raw

from dragoman.canon.request import ProviderTool, Request, Tool, ToolChoice
from dragoman.dialects.free_text import TEXT_SCHEMA, described
from dragoman.dialects.offering import go_without, lose_provider_tools, object_schema, shown_tools
from dragoman.dialects.openai_chat.pen import Pen
from dragoman.dialects.openai_chat.wire import NAME
from dragoman.dialects.typed_tools import known

Written = dict[str, object] | Raw
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def write_tools(request: Request, pen: Pen) -> dict[str, object]:
    """The members `tools`, `tool_choice` and `parallel_tool_calls`, as far as there is something to say."""
    if not request.tools:
        if request.tool_choice:
            pen.kept(request.tool_choice.extras, "tool_choice")
        return {}
    if not pen.habits.tools:
        go_without(request, pen)
        return {}
    offered = _offered(request, pen)
    if not offered:
        return {}
    members: dict[str, object] = {"tools": offered}
    if request.tool_choice:
        members["tool_choice"] = _choice(request.tool_choice, request, pen)
    if request.parallel_tools is False or (request.parallel_tools and pen.own):
        if pen.habits.parallel_tools_member:
            members["parallel_tool_calls"] = request.parallel_tools
        else:
            pen.lose("parallel_tools", "The upstream cannot be told whether to make several calls at once.", "dropped")
    return members


def _offered(request: Request, pen: Pen) -> list[Written]:
    written: list[Written] = []
    refused: list[ProviderTool] = []
    for tool in shown_tools(request, pen):
        if isinstance(tool, Tool):
            written.append(_tool(tool, pen))
            continue
        said = _provider_tool(tool, pen)
        if said is None:
            refused.append(tool)
        else:
            written.append(said)
    lose_provider_tools(refused, written, request, pen)
    return written


def _tool(tool: Tool, pen: Pen) -> Written:
    if tool.cache_mark:
        pen.lose("cache_mark", "A tool of this wire holds no cache mark.", "dropped")
    extras = dict(pen.kept(tool.extras, "tool"))
    kind = "function" if tool.form == "json" or not pen.free_text else "custom"
    name = pen.names.sent(tool.name)
    said: dict[str, object] = {"name": name}
    description = described(tool) if kind == "function" else tool.description
    if description is not None:
        said["description"] = description
    if tool.form == "text" and kind == "function":
        pen.lose("tool.form", "The upstream knows JSON arguments only; the text is asked for in 'input'.")
        pen.text_tools.add(name)
        said["parameters"] = TEXT_SCHEMA
    elif kind == "function":
        said["parameters"] = object_schema(tool.schema, pen)
        if tool.strict is not None and pen.habits.tool_strict:
            said["strict"] = tool.strict
        elif tool.strict:
            pen.lose("tool.strict", "The upstream does not hold arguments to their schema.", "dropped")
    elif tool.grammar is not None:
        said["format"] = {"type": "grammar", "grammar": tool.grammar}
    inner = extras.pop(kind, None)
    if inner is not None:
        said |= _MEMBERS.decode(inner)
    return {"type": kind, kind: said, **extras}


def _provider_tool(tool: ProviderTool, pen: Pen) -> Written | None:
    """A tool known by type, where this wire can say it."""
    if tool.dialect == NAME:
        return tool.raw
    found = known(tool.kind)
    if found is None:
        return None
    if tool.cache_mark:
        pen.lose("cache_mark", "A tool of this wire holds no cache mark.", "dropped")
    pen.lose(f"tools.{tool.kind}", "The tool is described in full, for the upstream does not know it by its type.")
    function = {"name": pen.names.sent(tool.name), "description": found.description, "parameters": found.schema}
    return {"type": "function", "function": function}


def _choice(choice: ToolChoice, request: Request, pen: Pen) -> object:
    extras = dict(pen.kept(choice.extras, "tool_choice"))
    if extras:
        return {"type": "allowed_tools", **extras}
    match choice.mode:
        case "one" if choice.name is not None and pen.habits.tool_choice_any:
            free = any(tool.name == choice.name and tool.form == "text" for tool in request.tools if type(tool) is Tool)
            kind = "custom" if free and pen.free_text else "function"
            return {"type": kind, kind: {"name": pen.names.sent(choice.name)}}
        case "any" if pen.habits.tool_choice_any:
            return "required"
        case "any" | "one":
            pen.lose("tool_choice", "The upstream cannot be made to call a tool; it is left free.")
            return "auto"
    return choice.mode
