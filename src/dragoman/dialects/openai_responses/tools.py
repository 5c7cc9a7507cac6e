"""Tools and the choice among them as a body's members."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby

import msgspec
from msgspec import Raw

from dragoman.canon.request import AnyTool, ProviderTool, Request, Tool, ToolChoice, ToolResult
from dragoman.dialects.free_text import TEXT_SCHEMA, described
from dragoman.dialects.offering import go_without, lose_provider_tools, object_schema, shown_tools
from dragoman.dialects.openai_responses import builtin
from dragoman.dialects.openai_responses.content import Item
from dragoman.dialects.openai_responses.offers import NAMESPACE, Place, namespace_of, places, within
from dragoman.dialects.openai_responses.pen import Pen
from dragoman.dialects.openai_responses.turns import found_tools
from dragoman.dialects.openai_responses.wire import NAME
from dragoman.dialects.typed_tools import known

HOSTED: tuple[tuple[str, dict[str, object]], ...] = (
    ("web_search", {"type": "web_search"}),
    ("googleSearch", {"type": "web_search"}),
    ("code_execution", {"type": "code_interpreter", "container": {"type": "auto"}}),
    ("codeExecution", {"type": "code_interpreter", "container": {"type": "auto"}}),
)
"""Tools that other vendors run, by the beginning of their kind, and OpenAI's own that do the like."""
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


def write_tools(request: Request, pen: Pen) -> dict[str, object]:
    """The members `tools`, `tool_choice` and `parallel_tool_calls`, as far as there is something to say."""
    if request.tools and not pen.habits.tools:
        go_without(request, pen)
        return {}
    offered = _offered(request, pen)
    members: dict[str, object] = {"tools": offered} if offered else {}
    if not offered and not pen.own:
        if request.tool_choice:
            pen.kept(request.tool_choice.extras, "tool_choice")
        return {}
    if request.tool_choice:
        members["tool_choice"] = _choice(request.tool_choice, request, pen)
    if request.parallel_tools is False or (request.parallel_tools and pen.own):
        if pen.habits.parallel_tools_member:
            members["parallel_tool_calls"] = request.parallel_tools
        else:
            pen.lose("parallel_tools", "The upstream cannot be told whether to make several calls at once.", "dropped")
    return members


def _offered(request: Request, pen: Pen) -> list[Item]:
    tools = _without_found(request) if pen.own else shown_tools(request, pen)
    written: list[Item] = []
    refused: list[ProviderTool] = []
    for box, group in groupby(tools, lambda tool: namespace_of(tool) if isinstance(tool, Tool) else ""):
        if box:
            written.append(_boxed([tool for tool in group if isinstance(tool, Tool)], pen))
            continue
        for tool in group:
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


def _without_found(request: Request) -> Iterable[AnyTool]:
    """The tools but for those that stand in the result of a search, by which the model has them already."""
    if not any(isinstance(tool, Tool) and tool.deferred for tool in request.tools):
        return request.tools
    found = {
        each.name
        for turn in request.turns
        for part in turn.parts
        if isinstance(part, ToolResult) and builtin.of_extras(part.extras, builtin.BY_RESULT) is builtin.TOOL_SEARCH
        for each in found_tools(part.extras.members.get("tools", Raw(b"[]")) if part.extras else Raw(b"[]"))
    }
    return [tool for tool in request.tools if not (isinstance(tool, Tool) and tool.deferred and tool.name in found)]


def _boxed(tools: list[Tool], pen: Pen) -> Item:
    """A namespace with its tools."""
    head = tools[0].extras.members[NAMESPACE] if tools[0].extras else Raw(b"{}")
    return {"type": "namespace", **_MEMBERS.decode(head), "tools": [_tool(tool, pen) for tool in tools]}


def _tool(tool: Tool, pen: Pen) -> Item:
    if tool.cache_mark:
        pen.lose("cache_mark", "A tool of this wire holds no cache mark.", "dropped")
    extras = dict(pen.kept(tool.extras, "tool"))
    built_in = builtin.of_tool(tool) if pen.own else None
    if built_in is not None:
        return _built_in(tool, built_in, extras)
    box = namespace_of(tool)
    extras.pop(NAMESPACE, None)
    kind = "function" if tool.form == "json" or not pen.free_text else "custom"
    said: dict[str, object] = {"type": kind}
    name = said["name"] = within(box, tool.name) if box else pen.names.sent(tool.name)
    description = described(tool) if kind == "function" else tool.description
    if description is not None:
        said["description"] = description
    if tool.form == "text" and kind == "function":
        pen.lose("tool.form", "The upstream knows JSON arguments only; the text is asked for in 'input'.")
        pen.text_tools.add(name)
        said |= {"parameters": TEXT_SCHEMA, "strict": False}
    elif kind == "function":
        said |= _parameters(tool, pen)
    elif tool.grammar is not None:
        grammar = tool.grammar
        said["format"] = {"type": "grammar", "syntax": grammar.syntax, "definition": grammar.definition}
    if tool.deferred and pen.own:
        said["defer_loading"] = True
    return {**said, **extras}


def _built_in(tool: Tool, built_in: builtin.BuiltIn, extras: dict[str, Raw]) -> Item:
    said: dict[str, object] = dict(extras)
    if tool.description != built_in.description:
        said["description"] = tool.description
    if tool.schema is not built_in.schema and tool.schema is not None:
        said["parameters"] = tool.schema
    return said


def _parameters(tool: Tool, pen: Pen) -> dict[str, object]:
    """The arguments' schema, and whether they are held to it: they are where this wire is not told otherwise."""
    if pen.own:
        said: dict[str, object] = {} if tool.schema is None else {"parameters": tool.schema}
        return said if tool.strict is None else {**said, "strict": tool.strict}
    strict = bool(tool.strict)
    if strict and not pen.habits.tool_strict:
        pen.lose("tool.strict", "The upstream does not hold arguments to their schema.", "dropped")
        strict = False
    return {"parameters": object_schema(tool.schema, pen), "strict": strict}


def _provider_tool(tool: ProviderTool, pen: Pen) -> Item | None:
    """A tool known by type, where this wire can say it."""
    if tool.dialect == NAME:
        return tool.raw
    if tool.cache_mark:
        pen.lose("cache_mark", "A tool of this wire holds no cache mark.", "dropped")
    hosted = _hosted(tool, pen)
    if hosted is not None:
        pen.lose(f"tools.{tool.kind}", "The upstream's own tool of this sort stands in its place.")
        return dict(hosted)
    found = known(tool.kind)
    if found is None:
        return None
    pen.lose(f"tools.{tool.kind}", "The tool is described in full, for the upstream does not know it by its type.")
    said: dict[str, object] = {"type": "function", "name": pen.names.sent(tool.name)}
    return {**said, "description": found.description, "parameters": found.schema, "strict": False}


def _hosted(tool: ProviderTool, pen: Pen) -> dict[str, object] | None:
    """OpenAI's own tool that does the like of another vendor's; None for lack of one, or where OpenAI is not asked."""
    if not pen.target.native or tool.dialect == NAME:
        return None
    return next((hosted for beginning, hosted in HOSTED if tool.kind.startswith(beginning)), None)


def _choice(choice: ToolChoice, request: Request, pen: Pen) -> object:
    extras = dict(pen.kept(choice.extras, "tool_choice"))
    place = places(request.tools).get(choice.name or "", Place(choice.name or "")) if pen.own else None
    if "type" in extras:
        return {"mode": WORDS.get(choice.mode, "auto"), **extras} if "tools" in extras else extras
    match choice.mode:
        case "one" if choice.name is not None and pen.habits.tool_choice_any:
            if place and place.builtin:
                return {"type": place.builtin.name}
            run = next((t for t in request.tools if type(t) is ProviderTool and t.name == choice.name), None)
            hosted = _hosted(run, pen) if run else None
            if hosted is not None:
                return {"type": hosted["type"]}
            free = any(tool.name == choice.name and tool.form == "text" for tool in request.tools if type(tool) is Tool)
            kind = "custom" if free and pen.free_text else "function"
            if place and place.namespace:
                return {"type": kind, "name": place.name, "namespace": place.namespace, **extras}
            return {"type": kind, "name": pen.names.sent(choice.name), **extras}
        case "any" if pen.habits.tool_choice_any:
            return "required"
        case "any" | "one":
            pen.lose("tool_choice", "The upstream cannot be made to call a tool; it is left free.")
            return "auto"
    return choice.mode


WORDS = {"any": "required"}
"""Modes that this wire has another word for."""
