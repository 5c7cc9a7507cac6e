"""A client's tools, read as the blocks are: closed shapes at once, odd ones openly.

Source: Messages API reference and the types of the vendor's SDK 2.10, read 2026-11-20.
"""

from __future__ import annotations

from msgspec import Raw, Struct

from dragoman.canon.request import AnyTool, ProviderTool, Tool
from dragoman.dialects.anthropic.blocks import CacheControl, mark_of, open_mark
from dragoman.dialects.anthropic.words import NAME
from dragoman.dialects.take import Members, first_byte


class ShutTool(Struct, forbid_unknown_fields=True, gc=False):
    """A client's tool of closed shape."""

    name: str
    input_schema: Raw
    description: str | None = None
    strict: bool | None = None
    defer_loading: bool | None = None
    cache_control: CacheControl | None = None


def tools_of(tools: list[ShutTool]) -> tuple[AnyTool, ...]:
    """The tools of closed shape."""
    return tuple(
        Tool(
            tool.name,
            tool.description,
            None if first_byte(tool.input_schema) == b"n" else tool.input_schema,
            strict=tool.strict,
            deferred=tool.defer_loading or False,
            cache_mark=mark_of(tool.cache_control),
        )
        for tool in tools
    )


def open_tools(found: Members) -> tuple[AnyTool, ...]:
    """The tools among these members. Raises `Trouble`."""
    return tuple(_open_tool(tool) for tool in found.objects("tools") or ())


def _open_tool(tool: Members) -> AnyTool:
    whole = tool.whole_again() if "type" in tool else None
    kind = tool.text("type", "custom")
    if whole is not None and kind != "custom":
        return ProviderTool(NAME, kind, tool.text("name", ""), whole, open_mark(tool))
    return Tool(
        tool.need("name", tool.text("name")),
        tool.text("description"),
        tool.raw("input_schema"),
        strict=tool.truth("strict"),
        deferred=tool.truth("defer_loading") or False,
        cache_mark=open_mark(tool),
        extras=tool.rest(NAME),
    )
