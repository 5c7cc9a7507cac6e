"""A client's tools as neutral ones, and how a call to each is said on this wire.

Theory. A namespace is a box of tools; other wires have none, so its tools stand among the others under the box's name
and their own (`flat`). What the box says of itself stays with each of them, by which it is put together again. What a
search by the client has found is offered from then on, though it stands in the search's result only.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

import msgspec
from msgspec import Raw

from dragoman.canon.request import AnyTool, Extras, Grammar, ProviderTool, Tool
from dragoman.dialects.openai_responses import builtin
from dragoman.dialects.openai_responses.builtin import BY_TYPE, BuiltIn
from dragoman.dialects.openai_responses.wire import NAME
from dragoman.dialects.take import Members

NAMESPACE = "namespace"
"""Member of a tool's extras that holds what its namespace says of itself."""
_HOSTED = frozenset({"container_auto", "container_reference"})
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])


class Place(NamedTuple):
    """How a call to a tool is said on this wire."""

    name: str
    namespace: str | None = None
    builtin: BuiltIn | None = None


def flat(namespace: str | None, name: str) -> str:
    """The name of a namespace's tool among all tools."""
    if not namespace:
        return name
    return f"{namespace}{name}" if namespace.endswith("__") else f"{namespace}__{name}"


def places(tools: Iterable[AnyTool]) -> Mapping[str, Place]:
    """How calls are said, by the neutral names of the tools for which that is more than the name."""
    found: dict[str, Place] = {}
    for tool in tools:
        if not isinstance(tool, Tool) or tool.extras is None or tool.extras.dialect != NAME:
            continue
        box = namespace_of(tool)
        built_in = builtin.of_tool(tool)
        if box:
            found.setdefault(tool.name, Place(within(box, tool.name), box))
        elif built_in:
            found.setdefault(tool.name, Place(tool.name, builtin=built_in))
    return found


def namespace_of(tool: Tool) -> str:
    """The name of a tool's namespace; empty if it stands in none."""
    box = tool.extras.members.get(NAMESPACE) if tool.extras and tool.extras.dialect == NAME else None
    return "" if box is None else msgspec.json.decode(_MEMBERS.decode(box)["name"], type=str)


def within(namespace: str, name: str) -> str:
    """The name of a tool in its namespace: the way back of `flat`."""
    return name.removeprefix(flat(namespace, ""))


def read_tools(tools: Iterable[Members]) -> tuple[AnyTool, ...]:
    """The tools of a body. Raises `Trouble`."""
    found: list[AnyTool] = []
    for tool in tools:
        found += _tool(tool)
    return tuple(found)


def _tool(tool: Members) -> list[AnyTool]:
    kind = tool.text("type", "function")
    match kind:
        case "function" | "custom":
            return [_described(tool, kind, None)]
        case "namespace":
            return _boxed(tool)
    tool.put_back("type", Raw(msgspec.json.encode(kind)))
    raw = tool.whole_again()
    known = BY_TYPE.get(kind)
    if known is None or _is_hosted(Members.of(raw, tool.path), known):
        return [ProviderTool(NAME, kind, _name_of(tool, kind), raw)]
    description, schema = tool.text("description", known.description), tool.raw("parameters")
    return [Tool(known.name, description, known.schema if schema is None else schema, extras=tool.rest(NAME))]


def _is_hosted(tool: Members, known: BuiltIn) -> bool:
    """Whether the vendor runs the tool itself, wholly or for want of another word."""
    if known is builtin.TOOL_SEARCH:
        return tool.text("execution") != "client"
    environment = tool.members("environment")
    return environment is not None and environment.text("type") in _HOSTED


def _name_of(tool: Members, kind: str) -> str:
    return tool.text("server_label") or kind


def _boxed(box: Members) -> list[AnyTool]:
    """The tools of a namespace."""
    inside = box.objects("tools") or []
    name = box.need("name", box.text("name"))
    box.put_back("name", Raw(msgspec.json.encode(name)))
    head = box.whole_again()
    return [_described(tool, tool.text("type", "function"), (name, head)) for tool in inside]


def _described(tool: Members, kind: str, box: tuple[str, Raw] | None) -> Tool:
    name = tool.need("name", tool.text("name"))
    description = tool.text("description")
    schema = tool.raw("parameters") if kind != "custom" else None
    strict = tool.truth("strict") if kind != "custom" else None
    grammar = _grammar(tool) if kind == "custom" else None
    deferred = tool.truth("defer_loading") or False
    rest = tool.rest(NAME)
    kept = dict(rest.members) if rest else {}
    if box:
        kept[NAMESPACE] = box[1]
    return Tool(
        flat(box[0] if box else None, name),
        description,
        schema,
        "text" if kind == "custom" else "json",
        strict,
        deferred,
        extras=Extras(NAME, kept) if kept else None,
        grammar=grammar,
    )


def _grammar(tool: Members) -> Grammar | None:
    """The grammar of a tool's text; any other format is left over."""
    raw = tool.raw("format")
    if raw is None:
        return None
    form = Members.of(raw, tool.where("format"))
    kind, syntax, definition = form.text("type"), form.text("syntax"), form.text("definition")
    if kind == "grammar" and syntax is not None and definition is not None and form.rest(NAME) is None:
        return Grammar(syntax, definition)
    tool.put_back("format", raw)
    return None
