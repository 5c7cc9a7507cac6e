"""A client's Responses body as a neutral request.

Everything published is read: the SDK's types 3.51. What has no neutral form (`include`, `metadata`, `truncation`,
`prompt_cache_key`, …) is kept as extras, which only this dialect sends again. What leans on something that a server
keeps is noted in `Request.bound`.
Source: platform.openai.com, Responses reference, read 2026-11-20.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw

from dragoman.canon.problem import Kind, refuse
from dragoman.canon.request import (
    Extras,
    OutputShape,
    Part,
    Reasoning,
    Request,
    Sampling,
    Text,
    ToolChoice,
    Turn,
)
from dragoman.dialects.body import read_members
from dragoman.dialects.openai_responses.builtin import BY_TYPE
from dragoman.dialects.openai_responses.offers import flat, read_tools
from dragoman.dialects.openai_responses.turns import Conversation
from dragoman.dialects.openai_responses.wire import BOUND, NAME
from dragoman.dialects.take import Members, first_byte, wrong

CHOICES: dict[str, Literal["auto", "any", "none"]] = {"auto": "auto", "required": "any", "none": "none"}


def read_request(body: bytes) -> Request:
    """A client's body. Raises `Trouble` (invalid_request, naming the member) and nothing else."""
    members, losses = read_members(body)
    _refuse_background(members)
    model = members.need("model", members.text("model"))
    bound = tuple(name for name in BOUND if _is_given(members, name))
    conversation = Conversation(read_tools(members.objects("tools") or ()))
    turns = _turns(members, conversation, bound)
    system, system_as_string = _system(members, conversation.system)
    return Request(
        dialect=NAME,
        model=model,
        turns=turns,
        system=system,
        system_as_string=system_as_string,
        tools=tuple(conversation.tools),
        tool_choice=_tool_choice(members),
        parallel_tools=members.truth("parallel_tool_calls"),
        max_output=members.whole("max_output_tokens"),
        sampling=Sampling(temperature=members.number("temperature"), top_p=members.number("top_p")),
        reasoning=_reasoning(members),
        output_shape=_output_shape(members),
        stream=members.truth("stream") or False,
        user=members.text("user"),
        service_tier=members.text("service_tier"),
        extras=members.rest(NAME),
        bound=(*bound, *conversation.bound),
        losses=losses,
    )


def _refuse_background(members: Members) -> None:
    """An answer that is to be fetched later would have to be kept here. Raises `Trouble`."""
    if members.truth("background"):
        raise refuse(
            Kind.INVALID_REQUEST,
            "The request asked for an answer in the background, but this gateway keeps no answers. "
            "Send it without 'background', and with 'stream' if it takes long.",
            param="background",
        )


def _is_given(members: Members, name: str) -> bool:
    raw = members.raw(name)
    if raw is not None:
        members.put_back(name, raw)
    return raw is not None


def _turns(members: Members, conversation: Conversation, bound: tuple[str, ...]) -> tuple[Turn, ...]:
    raw = members.raw("input")
    if raw is None:
        if not bound:
            members.need("input", raw)
        return ()
    members.put_back("input", raw)
    if first_byte(raw) == b'"':
        return (Turn("user", (Text(members.text("input", "")),), as_string=True),)
    conversation.read(members.objects("input") or ())
    return tuple(conversation.turns)


def _system(members: Members, leading: list[Part]) -> tuple[tuple[Part, ...], bool]:
    """The system's parts: the instructions, then the system messages at the beginning."""
    instructions = members.text("instructions")
    if instructions is None:
        return tuple(leading), False
    return (Text(instructions), *leading), not leading


def _tool_choice(members: Members) -> ToolChoice | None:
    raw = members.raw("tool_choice")
    if raw is None:
        return None
    if first_byte(raw) == b'"':
        word = msgspec.json.decode(raw, type=str)
        if word not in CHOICES:
            raise wrong("tool_choice", "one of none, auto, required, or an object")
        return ToolChoice(CHOICES[word])
    choice = Members.of(raw, "tool_choice")
    kind, name = choice.text("type", ""), choice.text("name")
    if kind == "allowed_tools":
        mode = CHOICES.get(choice.text("mode", "auto"), "auto")
        return ToolChoice(mode, extras=Extras(NAME, {"type": Raw(b'"allowed_tools"'), "tools": _raw(choice, "tools")}))
    if kind in ("function", "custom"):
        return ToolChoice("one", flat(choice.text("namespace"), choice.need("name", name)), extras=choice.rest(NAME))
    if kind in BY_TYPE:
        return ToolChoice("one", kind)
    return ToolChoice("one", kind or name, extras=Extras(NAME, msgspec.json.decode(raw, type=dict[str, Raw])))


def _raw(choice: Members, name: str) -> Raw:
    return choice.raw(name) or Raw(b"[]")


def _reasoning(members: Members) -> Reasoning:
    reasoning = members.members("reasoning")
    if reasoning is None:
        return Reasoning()
    return Reasoning(effort=reasoning.text("effort"), extras=reasoning.rest(NAME))


def _output_shape(members: Members) -> OutputShape | None:
    """The form of the text; what else `text` says is left over."""
    text = members.members("text")
    if text is None:
        return None
    raw = text.raw("format")
    shape = None if raw is None else _shape(Members.of(raw, text.where("format")))
    if raw is not None and shape is None and Members.of(raw).text("type") != "text":
        text.put_back("format", raw)
    rest = text.rest(NAME)
    if rest:
        members.put_back("text", Raw(msgspec.json.encode(rest.members)))
    return shape


def _shape(form: Members) -> OutputShape | None:
    match form.text("type"):
        case "json_object":
            return OutputShape("json_object", extras=form.rest(NAME))
        case "json_schema":
            return OutputShape(
                "json_schema",
                schema=form.raw("schema"),
                name=form.text("name"),
                description=form.text("description"),
                strict=form.truth("strict"),
                extras=form.rest(NAME),
            )
    return None
