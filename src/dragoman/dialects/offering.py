"""What the writers of tools share: which of them are offered, schemas that servers take, and what must be refused."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.canon.problem import Kind, Trouble, refuse
from dragoman.canon.request import ProviderTool, Request, Tool, ToolCall, ToolReference, ToolResult
from dragoman.dialects.pen import Pen

OBJECT = Raw(b'"object"')
EMPTY_SCHEMA = Raw(b'{"type":"object","properties":{}}')
NO_SERVERS = (Raw(b"null"), Raw(b"[]"))


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


def object_schema(schema: Raw | None, pen: Pen) -> Raw:
    """A tool's schema, made an object with properties where it was not one."""
    if schema is None:
        return EMPTY_SCHEMA
    if _OBJECT_AT_ONCE.match(schema):
        return schema
    try:
        shape = _SHAPE.decode(schema)
        if shape.type == OBJECT and shape.properties is not UNSET:
            return schema
        members = _MEMBERS.decode(schema)
    except (msgspec.DecodeError, RecursionError):
        pen.lose("tool.schema", "A tool's schema was not a JSON object; an empty one was sent.")
        return EMPTY_SCHEMA
    if members.setdefault("type", OBJECT) != OBJECT:
        pen.lose("tool.schema", "A tool's schema did not describe an object; it is sent as one.")
        members["type"] = OBJECT
    members.setdefault("properties", Raw(b"{}"))
    return Raw(msgspec.json.encode(members))


def shown_tools(request: Request, pen: Pen) -> list[Tool | ProviderTool]:
    """The tools that the model may see by now; those that no search has found yet are left out, which is a loss."""
    tools = request.tools
    if not any(type(tool) is Tool and tool.deferred for tool in tools):
        return list(tools)
    if any(type(tool) is ProviderTool and tool.kind.startswith("tool_search") for tool in tools):
        return list(tools)
    found = referred_to(request)
    shown = [tool for tool in tools if not (isinstance(tool, Tool) and tool.deferred and tool.name not in found)]
    if len(shown) < len(tools):
        pen.lose("tools.deferred", "Tools that no search has found yet are not offered.", "dropped")
    return shown


def referred_to(request: Request) -> set[str]:
    """Names of tools that the conversation has found, called or must call."""
    names = {request.tool_choice.name} if request.tool_choice and request.tool_choice.name else set[str]()
    for turn in request.turns:
        for part in turn.parts:
            if type(part) is ToolCall or type(part) is ToolReference:
                names.add(part.name)
            elif type(part) is ToolResult:
                names.update([each.name for each in part.parts if type(each) is ToolReference])
    return names


def go_without(request: Request, pen: Pen) -> None:
    """Drops all tools for an upstream that knows none, unless the conversation lives by them. Raises `Trouble`."""
    demanded = request.tool_choice is not None and request.tool_choice.mode in ("any", "one")
    if demanded or any(isinstance(part, ToolCall | ToolResult) for turn in request.turns for part in turn.parts):
        raise refuse(
            Kind.UNSUPPORTED,
            "The request was prepared for a model that cannot call tools, but it needs them. "
            "Route it to a model that can, or send it without tools.",
            param="tools",
        )
    pen.lose("tools", "The upstream knows no tools.", "dropped")


def lose_provider_tools(refused: Iterable[ProviderTool], written: Sequence[object], request: Request, pen: Pen) -> None:
    """Records the provider's own tools as lost, or refuses where nothing would be left of what was asked.

    Raises `Trouble` (unsupported).
    """
    choice = request.tool_choice
    chosen = choice.name if choice and choice.mode == "one" else None
    for tool in refused:
        if not written or chosen == tool.name or tool.kind.startswith(("computer", "mcp")):
            raise _unsupported(tool)
        pen.lose(f"tools.{tool.kind}", "Only its own vendor runs this tool.", "dropped")


def _unsupported(tool: ProviderTool) -> Trouble:
    return refuse(
        Kind.UNSUPPORTED,
        f"The request was prepared for another vendor, but its tool '{tool.name}' ({tool.kind}) is run by its own "
        "vendor only. Route it to that vendor, or give the model a tool that the client runs.",
        param="tools",
    )


def refuse_connectors(request: Request, pen: Pen) -> None:
    """Servers that the vendor was to call for the model: dropping them would leave the model without its hands."""
    servers = None if request.extras is None or pen.own else request.extras.members.get("mcp_servers")
    if servers is not None and servers not in NO_SERVERS:
        raise refuse(
            Kind.UNSUPPORTED,
            "The request was prepared for another vendor, but its MCP servers are called by its own vendor only. "
            "Route it to that vendor, or let the client connect to the servers.",
            param="mcp_servers",
        )
