"""Tools and the choice among them as a body's members.

Source: ai.google.dev, function calling, tool combination, Google search, URL context and code execution; SDK 3.3;
read 2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from dragoman.canon.request import ProviderTool, Request, Tool, ToolChoice
from dragoman.canon.schema import lower
from dragoman.dialects.free_text import TEXT_SCHEMA, described
from dragoman.dialects.gemini.content import Wire
from dragoman.dialects.gemini.pen import Pen
from dragoman.dialects.gemini.schemas import PARAMETERS
from dragoman.dialects.gemini.wire import NAME
from dragoman.dialects.offering import go_without, lose_provider_tools, object_schema, refuse_connectors, shown_tools
from dragoman.dialects.typed_tools import known

OWN_TOOLS = (("web_search", "googleSearch"), ("web_fetch", "urlContext"), ("code_execution", "codeExecution"))
"""Tools that other vendors run, by the beginning of their kind, and the vendor's own that do the like."""
MODES = {"auto": "AUTO", "any": "ANY", "none": "NONE", "one": "ANY"}
_OBJECT = msgspec.json.Decoder(dict[str, Raw])


def write_tools(request: Request, pen: Pen) -> Wire:
    """The members `tools` and `toolConfig`, as far as there is something to say. Raises `Trouble` (unsupported)."""
    refuse_connectors(request, pen)
    left = _left_over(request, pen)
    if request.tools and not pen.habits.tools:
        go_without(request, pen)
        return {}
    declared = _declarations(request, pen)
    vendors = _vendors_tools(request, declared, pen)
    tools: list[object] = ([{"functionDeclarations": declared}] if declared else []) + vendors
    if declared and vendors and not pen.own:
        left.setdefault("includeServerSideToolInvocations", True)
    if request.parallel_tools is False and declared:
        pen.lose("parallel_tools", "This wire cannot be told to make one call at a time.", "dropped")
    choice = _choice(request.tool_choice, pen, {str(each["name"]) for each in declared})
    config = left | ({"functionCallingConfig": choice} if choice else {})
    return ({"tools": tools} if tools else {}) | ({"toolConfig": config} if config and (tools or pen.own) else {})


def _left_over(request: Request, pen: Pen) -> Wire:
    """The members of `toolConfig` that the reader did not take."""
    extras = request.extras if pen.own else None
    raw = extras.members.get("toolConfig") if extras else None
    return dict(_OBJECT.decode(raw)) if raw is not None else {}


def _declarations(request: Request, pen: Pen) -> list[Wire]:
    """The client's tools."""
    declared: list[Wire] = []
    for tool in shown_tools(request, pen):
        if isinstance(tool, ProviderTool):
            described = _described(tool, pen)
            declared += [described] if described else []
        else:
            declared.append(_declaration(tool, pen))
    return declared


def _described(tool: ProviderTool, pen: Pen) -> Wire | None:
    """A tool that the client runs but names by type only, described in full; None for any other."""
    found = None if tool.dialect == NAME else known(tool.kind)
    if found is None:
        return None
    pen.lose(f"tools.{tool.kind}", "The tool is described in full, for the upstream does not know it by its type.")
    return _declaration(Tool(tool.name, found.description, found.schema, cache_mark=tool.cache_mark), pen)


def _declaration(tool: Tool, pen: Pen) -> Wire:
    pen.unmarked(tool.cache_mark)
    extras = dict(pen.kept(tool.extras, "tool"))
    if tool.strict:
        pen.lose("tool.strict", "The upstream holds no arguments to their schema unless a call is demanded.", "dropped")
    name = pen.names.sent(tool.name)
    said: Wire = {"name": name}
    description = described(tool)
    if description is not None:
        said["description"] = description
    schema = tool.schema
    if tool.form == "text":
        pen.lose("tool.form", "The upstream knows JSON arguments only; the text is asked for in 'input'.")
        pen.text_tools.add(name)
        schema = TEXT_SCHEMA
    if not extras.keys() & {"parameters", "parametersJsonSchema"}:
        said |= _parameters(schema, name, pen)
    return {**said, **extras}


def _parameters(schema: Raw | None, name: str, pen: Pen) -> Wire:
    """The member that tells the schema of the arguments."""
    if pen.habits.json_schema:
        if schema is None:
            return {}
        return {"parametersJsonSchema": schema if pen.own else object_schema(schema, pen)}
    lowered = lower(schema, PARAMETERS)
    for loss in lowered.losses:
        pen.lose(f"tool.{loss.what}", loss.why, loss.how)
    if lowered.renames or lowered.casts:
        pen.lowered[name] = lowered
    has_any = _OBJECT.decode(lowered.schema).get("properties", Raw(b"{}")) != Raw(b"{}")
    return {"parameters": lowered.schema} if has_any else {}


def _vendors_tools(request: Request, declared: list[Wire], pen: Pen) -> list[object]:
    """The tools that the vendor runs, beside the client's own that are declared."""
    tools: list[object] = []
    for tool in request.tools:
        if not isinstance(tool, ProviderTool) or (tool.dialect != NAME and known(tool.kind)):
            continue
        own = next((own for kind, own in OWN_TOOLS if tool.kind.startswith(kind)), None)
        if tool.dialect == NAME:
            tools.append(tool.raw)
        elif own is not None and (pen.habits.mixed_tools or not declared):
            pen.unmarked(tool.cache_mark)
            pen.lose(f"tools.{tool.kind}", "The upstream's own tool stands in for it, without its settings.")
            if {own: {}} not in tools:
                tools.append({own: {}})
        else:
            lose_provider_tools([tool], [*declared, *tools], request, pen)
    return tools


def _choice(choice: ToolChoice | None, pen: Pen, offered: set[str]) -> Wire:
    """The `functionCallingConfig`; empty where the model is left free."""
    if choice is None:
        return {}
    extras = pen.kept(choice.extras, "tool_choice")
    if not offered and not pen.own:
        if choice.mode in ("any", "one"):
            pen.lose("tool_choice", "No tools of the client's are offered.", "dropped")
        return {}
    mode, name = choice.mode, pen.names.sent(choice.name) if choice.mode == "one" and choice.name else ""
    unknown = mode == "one" and name not in offered and not pen.own
    if unknown or (mode in ("any", "one") and not pen.habits.tool_choice_any):
        pen.lose("tool_choice", "The upstream cannot be made to call this tool; it is left free.")
        mode = "auto"
    said: Wire = {"mode": MODES[mode]}
    if mode == "one":
        said["allowedFunctionNames"] = [name]
    return {**said, **extras}
