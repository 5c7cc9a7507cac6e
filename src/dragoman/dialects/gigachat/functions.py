"""Tools and the choice among them, as both versions of the wire have them: functions, and the vendor's own tools.

Version 1 knows no demand for just any call: where several functions are offered, it is made in words, and lost where
the model does not follow.
Source: developers.sber.ru, working with functions, and the SDK 0.2.3, `Function`, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from msgspec import Raw

from dragoman.canon.request import AnyTool, ProviderTool, Request, Tool, ToolChoice
from dragoman.canon.schema import lower
from dragoman.dialects.free_text import TEXT_SCHEMA, described
from dragoman.dialects.gigachat.brevity import shortened
from dragoman.dialects.gigachat.pen import Pen
from dragoman.dialects.gigachat.wire import PLAIN, Message
from dragoman.dialects.offering import go_without, lose_provider_tools, object_schema, refuse_connectors, shown_tools
from dragoman.dialects.typed_tools import known

EMPTY_SCHEMA = Raw(b'{"type":"object","properties":{}}')
DEMAND = "Answer with a function call now, and not with text alone."


class Offer(NamedTuple):
    """What the model is offered to call, and how far it is free."""

    functions: list[Message]
    hosted: list[str]
    """Names of the vendor's own tools."""
    choice: ToolChoice | None = None
    """The choice with the name as sent; None where it is not told."""
    demand: str = ""
    """What must be said to the model beside it."""


NOTHING = Offer([], [])


def write_functions(offer: Offer, pen: Pen) -> Message:
    """The members `functions` and `function_call`, which is always told, for its absence has meant `none`."""
    members: Message = {"functions": offer.functions} if offer.functions else {}
    match offer.choice:
        case None:
            return members
        case ToolChoice(mode="one", name=name, extras=extras):
            return members | {"function_call": {"name": name, **pen.kept(extras, "tool_choice")}}
        case ToolChoice(mode=mode):
            return members | {"function_call": mode}


def offer_of(request: Request, pen: Pen) -> Offer:
    """The tools of a request as this wire can offer them. Raises `Trouble` (unsupported)."""
    refuse_connectors(request, pen)
    choice = request.tool_choice
    if choice and not pen.own:
        pen.kept(choice.extras, "tool_choice")
    if request.tools and not pen.habits.tools:
        go_without(request, pen)
        return NOTHING
    hosted = _hosted(request, pen)
    functions = shortened(_offered(request, pen, hosted), pen)
    names = dict.fromkeys(hosted.values())
    if not functions and not names and not pen.own:
        if choice and choice.mode in ("any", "one"):
            pen.lose("tool_choice", "No tools of the client's are offered.", "dropped")
        return NOTHING
    chosen, demand = _choice(choice, [str(each["name"]) for each in functions], hosted, pen)
    return Offer(functions, list(names), chosen if choice or not pen.own else None, demand)


def _hosted(request: Request, pen: Pen) -> Mapping[str, str]:
    """The vendor's own tools that stand in for other vendors', by the names the client has for those."""
    hosted: dict[str, str] = {}
    for tool in request.tools:
        own = next((own for kind, own in pen.version.hosted if _is_foreign(tool, kind)), None)
        if own is not None and isinstance(tool, ProviderTool):
            pen.unmarked(tool.cache_mark)
            pen.lose(f"tools.{tool.kind}", "The upstream's own tool stands in for it, without its settings.")
            hosted[tool.name] = own
    return hosted


def _is_foreign(tool: AnyTool, kind: str) -> bool:
    """Whether this is a tool of such a kind that its vendor runs."""
    return isinstance(tool, ProviderTool) and tool.kind.startswith(kind)


def _offered(request: Request, pen: Pen, hosted: Mapping[str, str]) -> list[Message]:
    offered: list[Message] = []
    foreign: list[ProviderTool] = []
    for tool in shown_tools(request, pen):
        if isinstance(tool, ProviderTool):
            typed = known(tool.kind)
            if typed is None:
                foreign += [] if tool.name in hosted else [tool]
                continue
            pen.lose(f"tools.{tool.kind}", "The tool is described in full; the upstream does not know its type.")
            tool = Tool(tool.name, typed.description, typed.schema, cache_mark=tool.cache_mark)
        offered.append(_function(tool, pen))
    lose_provider_tools(foreign, [*offered, *hosted], request, pen)
    return offered


def _function(tool: Tool, pen: Pen) -> Message:
    pen.unmarked(tool.cache_mark)
    extras = pen.kept(tool.extras, "tool")
    if tool.strict:
        pen.lose("tool.strict", "The upstream does not hold arguments to their schema.", "dropped")
    name = pen.named(tool.name)
    said: Message = {"name": name}
    description = described(tool)
    if description is not None:
        said["description"] = description
    schema = tool.schema
    if tool.form == "text":
        pen.lose("tool.form", "The upstream knows JSON arguments only; the text is asked for in 'input'.")
        pen.text_tools.add(name)
        schema = TEXT_SCHEMA
    parameters = schema if pen.own else _parameters(schema, name, pen)
    if parameters is not None:
        said["parameters"] = pen.functions[name] = parameters
    return said | dict(extras)


def _parameters(schema: Raw | None, name: str, pen: Pen) -> Raw:
    """The schema of the arguments: as it came, or in the words that every model takes."""
    if pen.habits.json_schema:
        return object_schema(schema, pen)
    lowered = lower(schema, PLAIN)
    for loss in lowered.losses:
        pen.lose(f"tool.{loss.what}", loss.why, loss.how)
    if lowered.renames or lowered.casts:
        pen.lowered[name] = lowered
    return lowered.schema


def _choice(choice: ToolChoice | None, names: list[str], hosted: Mapping[str, str], pen: Pen) -> tuple[ToolChoice, str]:
    """The choice as this version can tell it, and words for a demand that it cannot."""
    match choice:
        case ToolChoice(mode="none"):
            return choice, ""
        case ToolChoice(mode="one", name=str(name)) if pen.own or pen.named(name) in names or name in hosted:
            return ToolChoice("one", hosted.get(name) or pen.named(name), choice.extras), ""
        case ToolChoice(mode="any") if len(names) == 1 and not hosted:
            return ToolChoice("one", names[0]), ""
        case ToolChoice(mode="any") if names and pen.version.any_call and pen.habits.tool_choice_any:
            return ToolChoice("any"), ""
        case ToolChoice(mode="any" | "one"):
            pen.lose("tool_choice", "The wire can demand one named call only; a call is asked for in words.")
            return ToolChoice("auto"), DEMAND
    return ToolChoice("auto"), ""
