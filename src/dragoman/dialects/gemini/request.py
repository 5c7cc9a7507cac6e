"""A client's body as a neutral request.

The body of this wire names no model and tells nothing of streaming; both stand in the address, and whoever knows it
sets them. A `model` within the body, as token counts have it, is read.

Normal form of a body that came in on this wire: members in camel case; lists where one object stood for a list; role
`model` or `user`; no ids on calls that came without; the members of `tools` one by one; null and empty members gone.

Source: ai.google.dev, API reference of `generateContent`, the types of the vendor's SDK 3.3, and what Gemini CLI
0.61.0 and that SDK send (measured), 2026-11-20.
"""

from __future__ import annotations

import re
from typing import Literal

import msgspec
from msgspec import Raw

from dragoman.canon.mend import whole_characters
from dragoman.canon.problem import Kind, Trouble, refuse
from dragoman.canon.request import (
    AnyTool,
    Extras,
    Loss,
    OutputShape,
    ProviderTool,
    Reasoning,
    Request,
    Sampling,
    Tool,
    ToolChoice,
)
from dragoman.dialects.gemini.casing import inner, listed, opened
from dragoman.dialects.gemini.schemas import plain_schema
from dragoman.dialects.gemini.turns import read_system, read_turns
from dragoman.dialects.gemini.wire import NAME
from dragoman.dialects.take import Members

JSON_TYPE = "application/json"
IDLE = {
    "candidateCount": re.compile(rb"1"),
    "responseLogprobs": re.compile(rb"false"),
    "responseModalities": re.compile(rb'\[\s*(?:"(?:TEXT|text)"\s*)?\]'),
}
"""Settings that change the form of an answer, with the values at which they do not."""
MODES: dict[str, Literal["auto", "any", "none"]] = {"AUTO": "auto", "VALIDATED": "auto", "ANY": "any", "NONE": "none"}


def read_request(body: bytes) -> Request:
    """A client's body. Raises `Trouble` (invalid_request, naming the member) and nothing else."""
    members, losses = _members(body)
    counted = inner(members, "generateContentRequest")
    members = counted or members
    settings = inner(members, "generationConfig") or Members({})
    sampling = Sampling(
        temperature=settings.number("temperature"),
        top_p=settings.number("topP"),
        top_k=settings.whole("topK"),
        seed=settings.whole("seed"),
        frequency_penalty=settings.number("frequencyPenalty"),
        presence_penalty=settings.number("presencePenalty"),
    )
    choice = inner(members, "toolConfig") or Members({})
    contents = members.need("contents", listed(members, "contents") or None)
    return Request(
        dialect=NAME,
        model=members.text("model", "").removeprefix("models/"),
        turns=read_turns(contents),
        system=read_system(members),
        tools=_tools(members),
        tool_choice=_tool_choice(choice),
        max_output=settings.whole("maxOutputTokens"),
        sampling=sampling,
        reasoning=_reasoning(settings),
        output_shape=_output_shape(settings),
        stop=tuple(settings.texts("stopSequences") or ()),
        service_tier=members.text("serviceTier"),
        bound=_bound(settings),
        extras=_extras(members, generationConfig=settings, toolConfig=choice),
        losses=losses,
    )


def _bound(settings: Members) -> tuple[str, ...]:
    """The wishes that no wire but this one has an answer for: several candidates, probabilities, sounds, pictures."""
    found: list[str] = []
    for name, idle in IDLE.items():
        raw = settings.raw(name)
        if raw is not None:
            settings.put_back(name, raw)
            found += () if idle.fullmatch(bytes(raw)) else (f"generationConfig.{name}",)
    return tuple(found)


def _members(body: bytes) -> tuple[Members, tuple[Loss, ...]]:
    """The body's members; halves of characters are replaced, for a refusal would come back with every later turn."""
    try:
        body.decode()
        return opened(body, ""), ()
    except UnicodeDecodeError as found:
        raise refuse(
            Kind.INVALID_REQUEST,
            f"The body was read as JSON but is not UTF-8 at byte {found.start}. Encode the request as UTF-8.",
        ) from None
    except Trouble:
        whole = whole_characters(body)
        if whole == body:
            raise
    loss = Loss("text.surrogate", "Half of a character is no character; it was replaced by U+FFFD.")
    return opened(whole, ""), (loss,)


def _extras(members: Members, **taken: Members) -> Extras | None:
    """What was not taken, the remainders of opened members under their names."""
    for name, holder in taken.items():
        left = holder.rest(NAME)
        if left is not None:
            members.put_back(name, Raw(msgspec.json.encode(left.members)))
    return members.rest(NAME)


def _tools(members: Members) -> tuple[AnyTool, ...]:
    tools: list[AnyTool] = []
    for tool in listed(members, "tools"):
        tools += [_declared(each) for each in listed(tool, "functionDeclarations")]
        left = tool.rest(NAME)
        for kind, value in left.members.items() if left else ():
            tools.append(ProviderTool(NAME, kind, kind, Raw(msgspec.json.encode({kind: value}))))
    return tuple(tools)


def _declared(declaration: Members) -> Tool:
    name = declaration.need("name", declaration.text("name"))
    description = declaration.text("description")
    schema: Raw | None = None
    for member in ("parametersJsonSchema", "parameters"):
        found = declaration.raw(member)
        if found is not None:
            schema = plain_schema(found)
            if member == "parameters" or schema is not found:
                declaration.put_back(member, found)
            break
    return Tool(name, description, schema, extras=declaration.rest(NAME))


def _tool_choice(config: Members) -> ToolChoice | None:
    choice = inner(config, "functionCallingConfig")
    if choice is None:
        return None
    mode = choice.text("mode", "AUTO").upper()
    names = choice.texts("allowedFunctionNames") or []
    if mode == "ANY" and len(names) == 1:
        return ToolChoice("one", names[0], choice.rest(NAME))
    if names:
        choice.put_back("allowedFunctionNames", Raw(msgspec.json.encode(names)))
    if mode not in ("AUTO", "ANY", "NONE"):
        choice.put_back("mode", Raw(msgspec.json.encode(mode)))
    return ToolChoice(MODES.get(mode, "auto"), extras=choice.rest(NAME))


def _reasoning(settings: Members) -> Reasoning:
    thinking = inner(settings, "thinkingConfig")
    if thinking is None:
        return Reasoning()
    shown = thinking.truth("includeThoughts")
    budget = thinking.whole("thinkingBudget")
    level = thinking.text("thinkingLevel")
    mode: Literal["off", "on", "adaptive"] | None = None
    if budget is not None:
        mode = "off" if budget == 0 else "adaptive" if budget < 0 else "on"
    return Reasoning(
        mode,
        budget if mode == "on" else None,
        level.lower() if level else None,
        None if shown is None else "summarized" if shown else "omitted",
        thinking.rest(NAME),
    )


def _output_shape(settings: Members) -> OutputShape | None:
    media_type = settings.text("responseMimeType")
    for member in ("responseJsonSchema", "responseSchema"):
        found = settings.raw(member)
        if found is not None and media_type == JSON_TYPE:
            schema = plain_schema(found)
            kept = {member: found} if member == "responseSchema" or schema is not found else {}
            return OutputShape("json_schema", schema, extras=Extras(NAME, kept) if kept else None)
        if found is not None:
            settings.put_back(member, found)
    if media_type == JSON_TYPE:
        return OutputShape("json_object")
    if media_type is not None:
        settings.put_back("responseMimeType", Raw(msgspec.json.encode(media_type)))
    return None
