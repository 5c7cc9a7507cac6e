"""Tools and the choice among them as a body's `functions` and `function_call`.

The wire knows no demand for just any call: where several functions are offered, it is made in words, and lost where
the model does not follow. `function_call` is always told, for its absence has meant `none`.
Source: developers.sber.ru, working with functions, and the SDK 0.2.3, `Function`, read 2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from dragoman.canon.problem import Kind, refuse
from dragoman.canon.request import ProviderTool, Request, Tool, ToolCall, ToolChoice, ToolReference, ToolResult
from dragoman.canon.schema import lower
from dragoman.dialects.gigachat.messages import Message
from dragoman.dialects.gigachat.pen import Pen
from dragoman.dialects.gigachat.wire import NULL, PLAIN
from dragoman.dialects.typed_tools import known

REQUIRED = ("computer", "mcp")
"""Beginnings of kinds without which a request makes no sense."""
TEXT_SCHEMA = Raw(b'{"type":"object","properties":{"input":{"type":"string"}},"required":["input"]}')
EMPTY_SCHEMA = Raw(b'{"type":"object","properties":{}}')
DEMAND = "Answer with a function call now, and not with text alone."
_OBJECT = msgspec.json.Decoder(dict[str, Raw])


def write_functions(request: Request, pen: Pen) -> tuple[Message, str]:
    """The members `functions` and `function_call`, and what must be said to the model beside them.

    Raises `Trouble` (unsupported).
    """
    _refuse_connectors(request, pen)
    choice = request.tool_choice
    extras = pen.kept(choice.extras, "tool_choice") if choice else {}
    if request.tools and not pen.habits.tools:
        _go_without(request, pen)
        return {}, ""
    offered = _offered(request, pen)
    if not offered and not pen.own:
        if choice and choice.mode in ("any", "one"):
            pen.lose("tool_choice", "No tools of the client's are offered.", "dropped")
        return {}, ""
    members: Message = {"functions": offered} if offered else {}
    chosen, demand = _choice(choice, [str(each["name"]) for each in offered], pen)
    if choice or not pen.own:
        members["function_call"] = chosen | dict(extras) if isinstance(chosen, dict) else chosen
    return members, demand


def _refuse_connectors(request: Request, pen: Pen) -> None:
    """Servers that the vendor was to call for the model: dropping them would leave the model without its hands."""
    servers = None if request.extras is None or pen.own else request.extras.members.get("mcp_servers")
    if servers is not None and servers not in (NULL, Raw(b"[]")):
        raise refuse(
            Kind.UNSUPPORTED,
            "The request was prepared for another vendor, but its MCP servers are called by its own vendor only. "
            "Route it to that vendor, or let the client connect to the servers.",
            param="mcp_servers",
        )


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


def _offered(request: Request, pen: Pen) -> list[Message]:
    shown = _referred_to(request) if any(tool.deferred for tool in request.tools if isinstance(tool, Tool)) else set()
    offered: list[Message] = []
    foreign: list[ProviderTool] = []
    for tool in request.tools:
        if isinstance(tool, ProviderTool):
            described = known(tool.kind)
            if described is None:
                foreign.append(tool)
                continue
            pen.lose(f"tools.{tool.kind}", "The tool is described in full; the upstream does not know its type.")
            tool = Tool(tool.name, described.description, described.schema, cache_mark=tool.cache_mark)
        elif tool.deferred and tool.name not in shown:
            pen.lose("tools.deferred", "Tools that no search has found yet are not offered.", "dropped")
            continue
        offered.append(_function(tool, pen))
    for tool in foreign:
        _lose_foreign(tool, request, pen, others=bool(offered))
    return offered


def _referred_to(request: Request) -> set[str]:
    """Names of tools that the conversation has found, called or must call."""
    names = {request.tool_choice.name} if request.tool_choice and request.tool_choice.name else set[str]()
    for turn in request.turns:
        for part in turn.parts:
            if isinstance(part, ToolCall | ToolReference):
                names.add(part.name)
            elif isinstance(part, ToolResult):
                names.update(each.name for each in part.parts if isinstance(each, ToolReference))
    return names


def _lose_foreign(tool: ProviderTool, request: Request, pen: Pen, *, others: bool) -> None:
    """Records another vendor's tool as lost, or refuses where nothing would be left of what was asked."""
    choice = request.tool_choice
    chosen = choice.name if choice and choice.mode == "one" else None
    if not others or chosen == tool.name or tool.kind.startswith(REQUIRED):
        raise refuse(
            Kind.UNSUPPORTED,
            f"The request was prepared for another vendor, but its tool '{tool.name}' ({tool.kind}) is run by its own "
            "vendor only. Route it to that vendor, or give the model a tool that the client runs.",
            param="tools",
        )
    pen.lose(f"tools.{tool.kind}", "Only its own vendor runs this tool.", "dropped")


def _function(tool: Tool, pen: Pen) -> Message:
    pen.unmarked(tool.cache_mark)
    extras = pen.kept(tool.extras, "tool")
    if tool.strict:
        pen.lose("tool.strict", "The upstream does not hold arguments to their schema.", "dropped")
    name = pen.named(tool.name)
    said: Message = {"name": name}
    if tool.description is not None:
        said["description"] = tool.description
    schema = tool.schema
    if tool.form == "text":
        pen.lose("tool.form", "The upstream knows JSON arguments only; the text is asked for in 'input'.")
        pen.text_tools.add(name)
        schema = TEXT_SCHEMA
    parameters = schema if pen.own else _parameters(schema, name, pen)
    if parameters is not None:
        said["parameters"] = parameters
    return said | dict(extras)


def _parameters(schema: Raw | None, name: str, pen: Pen) -> Raw:
    """The schema of the arguments: as it came, or in the words that every model takes."""
    if pen.habits.json_schema:
        return _of_object(schema, pen)
    lowered = lower(schema, PLAIN)
    for loss in lowered.losses:
        pen.lose(f"tool.{loss.what}", loss.why, loss.how)
    if lowered.renames or lowered.casts:
        pen.lowered[name] = lowered
    return lowered.schema


def _of_object(schema: Raw | None, pen: Pen) -> Raw:
    """The schema, made one of an object with properties where it was not."""
    if schema is None:
        return EMPTY_SCHEMA
    try:
        members = _OBJECT.decode(schema)
    except (msgspec.DecodeError, RecursionError):
        pen.lose("tool.schema", "A tool's schema was not a JSON object; an empty one was sent.")
        return EMPTY_SCHEMA
    if members.get("type") == Raw(b'"object"') and "properties" in members:
        return schema
    if members.get("type", Raw(b'"object"')) != Raw(b'"object"'):
        pen.lose("tool.schema", "A tool's schema did not describe an object; it is sent as one.")
    return Raw(msgspec.json.encode({"properties": {}, **members, "type": "object"}))


def _choice(choice: ToolChoice | None, names: list[str], pen: Pen) -> tuple[str | Message, str]:
    """The value of `function_call`, and words for a demand that it cannot tell."""
    match choice:
        case ToolChoice(mode="none"):
            return "none", ""
        case ToolChoice(mode="one", name=name) if name is not None and (pen.own or pen.named(name) in names):
            return {"name": pen.named(name)}, ""
        case ToolChoice(mode="any") if len(names) == 1:
            return {"name": names[0]}, ""
        case ToolChoice(mode="any" | "one"):
            pen.lose("tool_choice", "The wire can demand one named call only; a call is asked for in words.")
            return "auto", DEMAND
    return "auto", ""
