"""Tools and the choice among them as a chat body's members."""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.canon.problem import Kind, Trouble, refuse
from dragoman.canon.request import ProviderTool, Request, Tool, ToolCall, ToolChoice, ToolReference, ToolResult
from dragoman.dialects.openai_chat.pen import Pen
from dragoman.dialects.openai_chat.wire import NAME
from dragoman.dialects.typed_tools import known

OBJECT = Raw(b'"object"')
EMPTY_SCHEMA = Raw(b'{"type":"object","properties":{}}')
TEXT_SCHEMA = Raw(b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}')
"""Schema of a tool of free text for servers that know JSON only."""

Written = dict[str, object] | Raw


class _Shape(Struct):
    """The two members that servers insist on in a tool's schema."""

    type: Raw | UnsetType = UNSET
    properties: Raw | UnsetType = UNSET


_OBJECT_AT_ONCE = re.compile(
    rb'\{\s*(?:"\$schema"\s*:\s*"[^"\\]*"\s*,\s*)?"type"\s*:\s*"object"\s*,\s*"properties"\s*:\s*\{'
)
"""How nearly all schemas begin; the others are decoded."""
_SHAPE = msgspec.json.Decoder(_Shape)
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def write_tools(request: Request, pen: Pen) -> dict[str, object]:
    """The members `tools`, `tool_choice` and `parallel_tool_calls`, as far as there is something to say."""
    if not request.tools:
        if request.tool_choice:
            pen.kept(request.tool_choice.extras, "tool_choice")
        return {}
    if not pen.habits.tools:
        _go_without(request, pen)
        return {}
    offered = list(_offered(request, pen))
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


def _go_without(request: Request, pen: Pen) -> None:
    """Drops all tools for an upstream that knows none, unless the conversation lives by them."""
    demanded = request.tool_choice is not None and request.tool_choice.mode in ("any", "one")
    if demanded or any(isinstance(part, ToolCall | ToolResult) for turn in request.turns for part in turn.parts):
        raise refuse(
            Kind.UNSUPPORTED,
            "The request was prepared for a model that cannot call tools, but it needs them. "
            "Route it to a model that can, or send it without tools.",
            param="tools",
        )
    pen.lose("tools", "The upstream knows no tools.", "dropped")


def _offered(request: Request, pen: Pen) -> Iterator[Written]:
    shown = _referred_to(request) if any(tool.deferred for tool in request.tools if isinstance(tool, Tool)) else set()
    searched = any(isinstance(tool, ProviderTool) and tool.kind.startswith("tool_search") for tool in request.tools)
    written: list[Written] = []
    refused: list[ProviderTool] = []
    for tool in request.tools:
        if isinstance(tool, ProviderTool):
            said = _provider_tool(tool, pen)
            if said is None:
                refused.append(tool)
            else:
                written.append(said)
        elif tool.deferred and not searched and tool.name not in shown:
            pen.lose("tools.deferred", "Tools that no search has found yet are not offered.", "dropped")
        else:
            written.append(_tool(tool, pen))
    _check(refused, written, request, pen)
    return iter(written)


def _check(refused: list[ProviderTool], written: list[Written], request: Request, pen: Pen) -> None:
    """Records the provider's own tools as lost, or refuses where nothing would be left of what was asked."""
    choice = request.tool_choice
    chosen = choice.name if choice and choice.mode == "one" else None
    for tool in refused:
        if not written or chosen == tool.name or tool.kind.startswith(("computer_", "mcp")):
            raise _unsupported(tool)
        pen.lose(f"tools.{tool.kind}", "Only its own vendor runs this tool.", "dropped")


def _unsupported(tool: ProviderTool) -> Trouble:
    return refuse(
        Kind.UNSUPPORTED,
        f"The request was prepared for another vendor, but its tool '{tool.name}' ({tool.kind}) is run by its own "
        "vendor only. Route it to that vendor, or give the model a tool that the client runs.",
        param="tools",
    )


def _referred_to(request: Request) -> set[str]:
    """Names of tools that the conversation has found, called or must call."""
    names = {request.tool_choice.name} if request.tool_choice and request.tool_choice.name else set[str]()
    for turn in request.turns:
        for part in turn.parts:
            if type(part) is ToolCall or type(part) is ToolReference:
                names.add(part.name)
            elif type(part) is ToolResult:
                names.update([each.name for each in part.parts if type(each) is ToolReference])
    return names


def _tool(tool: Tool, pen: Pen) -> Written:
    if tool.cache_mark:
        pen.lose("cache_mark", "A tool of this wire holds no cache mark.", "dropped")
    extras = dict(pen.kept(tool.extras, "tool"))
    kind = "function" if tool.form == "json" or not pen.free_text else "custom"
    name = pen.names.sent(tool.name)
    said: dict[str, object] = {"name": name}
    if tool.description is not None:
        said["description"] = tool.description
    if tool.form == "text" and kind == "function":
        pen.lose("tool.form", "The upstream knows JSON arguments only; the text is asked for in 'input'.")
        pen.text_tools.add(name)
        said["parameters"] = TEXT_SCHEMA
    elif kind == "function":
        said["parameters"] = _schema(tool, pen)
        if tool.strict is not None and pen.habits.tool_strict:
            said["strict"] = tool.strict
        elif tool.strict:
            pen.lose("tool.strict", "The upstream does not hold arguments to their schema.", "dropped")
    inner = extras.pop(kind, None)
    if inner is not None:
        said |= _MEMBERS.decode(inner)
    return {"type": kind, kind: said, **extras}


def _schema(tool: Tool, pen: Pen) -> Raw:
    """The tool's schema, made an object with properties where it was not one."""
    if tool.schema is None:
        return EMPTY_SCHEMA
    if _OBJECT_AT_ONCE.match(tool.schema):
        return tool.schema
    try:
        shape = _SHAPE.decode(tool.schema)
        if shape.type == OBJECT and shape.properties is not UNSET:
            return tool.schema
        members = _MEMBERS.decode(tool.schema)
    except (msgspec.DecodeError, RecursionError):
        pen.lose("tool.schema", "A tool's schema was not a JSON object; an empty one was sent.")
        return EMPTY_SCHEMA
    if members.setdefault("type", OBJECT) != OBJECT:
        pen.lose("tool.schema", "A tool's schema did not describe an object; it is sent as one.")
        members["type"] = OBJECT
    members.setdefault("properties", Raw(b"{}"))
    return Raw(msgspec.json.encode(members))


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
