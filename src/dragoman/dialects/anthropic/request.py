"""A client's Messages request as a `Request`.

Normal form (law 4): what reading and writing again may change, and nothing else. Null and empty members go, as do
`stream: false`, `type: custom` on a tool, `tools: []`, an empty `metadata`, and `disable_parallel_tool_use: false`;
`output_format` becomes `output_config.format`; text blocks without a visible character go, and messages left with
nothing in them; tool results come first in their message. Members may change their order.

Source: Messages API reference and the types of the vendor's SDK 2.10, read 2026-11-20; real clients, measured the
same day.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType

from dragoman.canon.mend import half_pairs_mended
from dragoman.canon.problem import Kind, refuse
from dragoman.canon.request import (
    AnyTool,
    Extras,
    Loss,
    OutputShape,
    Part,
    Reasoning,
    Request,
    Sampling,
    Text,
    ToolChoice,
    Turn,
    Unknown,
)
from dragoman.canon.splice import members
from dragoman.dialects.anthropic.blocks import (
    FAULTS,
    Block,
    open_content,
    parts_of,
)
from dragoman.dialects.anthropic.tools import ShutTool, open_tools, tools_of
from dragoman.dialects.anthropic.words import NAME
from dragoman.dialects.take import Members, wrong

BILLING = "x-anthropic-billing-header:"
"""How the system block begins in which Claude Code tells Anthropic what to bill; it means nothing to anyone else."""


LONG_CONTEXT = "context-1m"
"""How the beta begins that asks for a context of a million tokens (`context-1m-2025-08-07`; read 2026-11-20)."""


class _Message(Struct, forbid_unknown_fields=True, gc=False):
    role: Literal["user", "assistant", "system"]
    content: str | list[Block]
    output_config: Raw | UnsetType = UNSET
    """On system messages: the effort from here on (beta per-turn-control)."""


class _Body(Struct, forbid_unknown_fields=True, gc=False):
    """The body of a request of closed shape. Small members stay raw, to be taken as those of any other body."""

    model: Raw
    messages: list[_Message]
    max_tokens: Raw | UnsetType = UNSET
    system: Raw | UnsetType = UNSET
    tools: list[ShutTool] | None = None
    tool_choice: Raw | UnsetType = UNSET
    thinking: Raw | UnsetType = UNSET
    output_config: Raw | UnsetType = UNSET
    temperature: Raw | UnsetType = UNSET
    metadata: Raw | UnsetType = UNSET
    stream: Raw | UnsetType = UNSET
    stop_sequences: Raw | UnsetType = UNSET
    context_management: Raw | UnsetType = UNSET
    safeguards: Raw | UnsetType = UNSET


_BODY = msgspec.json.Decoder(_Body)
_MESSAGE = msgspec.json.Decoder(_Message)
_ITEMS = msgspec.json.Decoder(list[Raw])
_LARGE = ("messages", "tools")
_SMALL = tuple(name for name in _Body.__struct_fields__ if name not in _LARGE)
_CHOICES: dict[str, Literal["auto", "any", "none", "one"]] = {
    "auto": "auto",
    "any": "any",
    "none": "none",
    "tool": "one",
}
_MODES: dict[str, Literal["off", "on", "adaptive"]] = {"disabled": "off", "enabled": "on", "adaptive": "adaptive"}


def read_request(body: bytes) -> Request:
    """The request in a body of `/v1/messages` or its token count. Raises `Trouble` (invalid_request)."""
    losses: tuple[Loss, ...] = ()
    try:
        closed = _BODY.decode(body)
        small = {name: value for name in _SMALL if (value := getattr(closed, name)) is not UNSET}
        turns, tools = tuple([_turn(message) for message in closed.messages]), tools_of(closed.tools or [])
        if not body.isascii():
            _check_raw(small.values(), closed)
    except (*FAULTS, UnicodeDecodeError):
        found, losses = _members(body)
        turns, tools = _open_turns(found), open_tools(found)
    else:
        found = Members(small)
    return _request(found, turns, tools, losses)


def wants_long_context(headers: Mapping[str, str]) -> bool:
    """Whether the client's betas ask for the longer context."""
    return any(beta.strip().startswith(LONG_CONTEXT) for beta in headers.get("anthropic-beta", "").split(","))


def _check_raw(small: Iterable[Raw], closed: _Body) -> None:
    """Decodes what stays raw, since a decoder looks at the UTF-8 of texts only. Raises `UnicodeDecodeError`."""
    schemas = [tool.input_schema for tool in closed.tools or ()]
    configs = [message.output_config for message in closed.messages if message.output_config is not UNSET]
    b"".join([*small, *schemas, *configs]).decode()  # each begins and ends in ASCII, so that none completes another


def _request(found: Members, turns: tuple[Turn, ...], tools: tuple[AnyTool, ...], losses: tuple[Loss, ...]) -> Request:
    """The request, its small members taken from `found`."""
    system, system_as_string = _system(found)
    tool_choice, parallel_tools = _tool_choice(found)
    output_config = found.members("output_config")
    metadata = found.members("metadata")
    return Request(
        dialect=NAME,
        model=found.need("model", found.text("model")),
        turns=turns,
        system=system,
        system_as_string=system_as_string,
        tools=tools,
        tool_choice=tool_choice,
        parallel_tools=parallel_tools,
        max_output=found.whole("max_tokens"),
        sampling=Sampling(found.number("temperature"), found.number("top_p"), found.whole("top_k")),
        reasoning=_reasoning(found, output_config),
        output_shape=_output_shape(found, output_config),
        stop=tuple(found.texts("stop_sequences") or ()),
        stream=found.truth("stream") or False,
        user=metadata.text("user_id") if metadata else None,
        service_tier=found.text("service_tier"),
        extras=_extras(found, output_config=output_config, metadata=metadata),
        losses=losses,
    )


def _system(found: Members) -> tuple[tuple[Part, ...], bool]:
    """The system prompt, and whether it was one string. The billing line is nothing a model is told."""
    raw = found.raw("system")
    if raw is None:
        return (), False
    found.put_back("system", raw)
    parts, as_string = open_content(found, "system")
    if parts and not as_string and type(parts[0]) is Text and parts[0].text.startswith(BILLING):
        parts = (Unknown(NAME, "billing", _ITEMS.decode(raw)[0]), *parts[1:])
    return parts, as_string


def _members(body: bytes) -> tuple[Members, tuple[Loss, ...]]:
    """The members of the body, and what was lost in reading it."""
    try:
        body.decode()
    except UnicodeDecodeError as fault:
        raise refuse(
            Kind.INVALID_REQUEST,
            f"The body was read as JSON but is not UTF-8 at byte {fault.start}. Encode the request as UTF-8.",
        ) from None
    found = Members(members(body))
    if (b"\\ud" in body or b"\\uD" in body) and half_pairs_mended(body) != body:
        return found, (Loss("text.surrogate", "Half a surrogate pair is no character; it was replaced by U+FFFD."),)
    return found, ()


def _open_turns(found: Members) -> tuple[Turn, ...]:
    items = found.need("messages", found.items("messages"))
    return tuple(_open_turn(item, f"messages[{position}]") for position, item in enumerate(items))


def _turn(message: _Message) -> Turn:
    content = message.content
    extras = None if message.output_config is UNSET else Extras(NAME, {"output_config": message.output_config})
    if isinstance(content, str):
        return Turn(message.role, (Text(content),) if content else (), True, extras)
    return Turn(message.role, parts_of(content), False, extras)


def _open_turn(raw: Raw, path: str) -> Turn:
    try:
        return _turn(_MESSAGE.decode(raw))
    except FAULTS:
        message = Members.of(raw, path)
    match message.need("role", message.text("role")):
        case "user" | "assistant" | "system" as role:
            pass
        case _:
            raise wrong(message.where("role"), "'user', 'assistant' or 'system'")
    if role != "system" and "content" not in message:
        message.need("content", None)
    parts, as_string = open_content(message)
    return Turn(role, parts, as_string, message.rest(NAME))


def _tool_choice(found: Members) -> tuple[ToolChoice | None, bool | None]:
    raw = found.raw("tool_choice")
    if raw is None:
        return None, None
    choice = Members.of(raw, "tool_choice")
    mode = _CHOICES.get(choice.need("type", choice.text("type")))
    if mode is None:
        found.put_back("tool_choice", raw)
        return None, None
    name = choice.need("name", choice.text("name")) if mode == "one" else None
    parallel = False if choice.truth("disable_parallel_tool_use") else None
    return ToolChoice(mode, name, choice.rest(NAME)), parallel


def _reasoning(found: Members, output_config: Members | None) -> Reasoning:
    effort = output_config.text("effort") if output_config else None
    raw = found.raw("thinking")
    if raw is None:
        return Reasoning(effort=effort)
    thinking = Members.of(raw, "thinking")
    kind = thinking.need("type", thinking.text("type"))
    mode = _MODES.get(kind)
    if mode is None:
        found.put_back("thinking", raw)
        return Reasoning(effort=effort)
    budget = thinking.whole("budget_tokens") if mode == "on" else None
    return Reasoning(mode, budget, effort, thinking.text("display"), thinking.rest(NAME))


def _output_shape(found: Members, output_config: Members | None) -> OutputShape | None:
    for holder, name in ((output_config, "format"), (found, "output_format")):
        raw = holder.raw(name) if holder else None
        if holder is None or raw is None:
            continue
        shape = Members.of(raw, holder.where(name))
        if shape.text("type") == "json_schema":
            return OutputShape("json_schema", shape.raw("schema"), extras=shape.rest(NAME))
        holder.put_back(name, raw)
    return None


def _extras(found: Members, **opened: Members | None) -> Extras | None:
    """What was not taken, the remainders of opened members under their names."""
    for name, holder in opened.items():
        left = holder.rest(NAME) if holder else None
        if left:
            found.put_back(name, Raw(msgspec.json.encode(left.members)))
    return found.rest(NAME)
