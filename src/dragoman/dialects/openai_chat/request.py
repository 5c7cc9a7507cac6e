"""A client's chat body as a neutral request.

Everything published is read: the SDK's types 3.51, and `reasoning_content`, `reasoning`, `reasoning_details`,
`thinking`, `enable_thinking`, `top_k` and `cache_control` as compatible vendors added them. What is not read (`n`,
`logprobs`, `metadata`, `prediction`, …) is kept as extras, which only this dialect sends again.
Source: platform.openai.com, Chat Completions reference, read 2026-11-20.
"""

from __future__ import annotations

from typing import Literal

import msgspec
from msgspec import Raw

from dragoman.canon.request import (
    AnyTool,
    Extras,
    Loss,
    OutputShape,
    Part,
    ProviderTool,
    Reasoning,
    Request,
    Sampling,
    Tool,
    ToolChoice,
    Turn,
)
from dragoman.dialects.body import read_members
from dragoman.dialects.openai_chat.shut import shut_tools, shut_turns
from dragoman.dialects.openai_chat.turns import read_turns
from dragoman.dialects.openai_chat.wire import NAME
from dragoman.dialects.take import Members, first_byte, wrong

CHOICES: dict[str, Literal["auto", "any", "none"]] = {"auto": "auto", "required": "any", "any": "any", "none": "none"}
IDLE = {"n": b"1", "logprobs": b"false", "top_logprobs": b"0"}
"""Members that change the form of an answer, with the values at which they do not."""
REASONING_MEMBERS = ("reasoning", "thinking", "enable_thinking", "thinking_budget")

ONE_CALL = Loss("functions.parallel", "The older form of calls has room for one; an answer's first call is shown.")


def read_request(body: bytes) -> Request:
    """A client's body. Raises `Trouble` (invalid_request, naming the member) and nothing else."""
    members, losses = read_members(body)
    parallel_tools = members.truth("parallel_tool_calls")
    legacy_calls = _knows_functions_only(members)
    if legacy_calls:
        parallel_tools, losses = False, (*losses, ONE_CALL)
    model = members.need("model", members.text("model"))
    system, system_as_string, turns = _turns(members)
    stream_usage = _stream_usage(members)
    limit, older_limit = members.whole("max_completion_tokens"), members.whole("max_tokens")
    return Request(
        dialect=NAME,
        model=model,
        turns=tuple(turns),
        system=tuple(system),
        system_as_string=system_as_string,
        tools=_tools(members),
        tool_choice=_tool_choice(members),
        parallel_tools=parallel_tools,
        legacy_calls=legacy_calls,
        max_output=older_limit if limit is None else limit,
        sampling=Sampling(
            temperature=members.number("temperature"),
            top_p=members.number("top_p"),
            top_k=members.whole("top_k"),
            seed=members.whole("seed"),
            frequency_penalty=members.number("frequency_penalty"),
            presence_penalty=members.number("presence_penalty"),
        ),
        reasoning=_reasoning(members),
        output_shape=_output_shape(members),
        stop=_stop(members),
        stream=members.truth("stream") or False,
        stream_usage=stream_usage,
        user=members.text("user"),
        service_tier=members.text("service_tier"),
        bound=_bound(members),
        extras=members.rest(NAME),
        losses=losses,
    )


def _bound(members: Members) -> tuple[str, ...]:
    """The members that no wire but this one has an answer for: several choices, log probabilities, speech."""
    found: list[str] = []
    for name in (*IDLE, "modalities"):
        raw = members.raw(name)
        if raw is not None:
            members.put_back(name, raw)
            idle = IDLE[name] == bytes(raw) if name in IDLE else b'"audio"' not in bytes(raw)
            found += () if idle else (name,)
    return tuple(found)


def _stream_usage(members: Members) -> bool:
    """Whether usage is asked for in the stream; further options are left over."""
    options = members.members("stream_options")
    if options is None:
        return False
    asked = options.truth("include_usage") or False
    rest = options.rest(NAME)
    if rest:
        members.put_back("stream_options", Raw(msgspec.json.encode(rest.members)))
    return asked


def _stop(members: Members) -> tuple[str, ...]:
    raw = members.raw("stop")
    if raw is None:
        return ()
    members.put_back("stop", raw)
    if first_byte(raw) == b'"':
        return (members.text("stop", ""),)
    return tuple(members.texts("stop") or ())


def _turns(members: Members) -> tuple[list[Part], bool, list[Turn]]:
    raw = members.raw("messages")
    short = shut_turns(raw) if raw is not None else None
    if short is not None:
        return short
    if raw is not None:
        members.put_back("messages", raw)
    return read_turns(members.need("messages", members.objects("messages")))


def _knows_functions_only(members: Members) -> bool:
    """Whether tools are offered as `functions` alone: such a client looks for `function_call` in the answer."""
    found = {name: members.raw(name) for name in ("tools", "functions")}
    for name, raw in found.items():
        if raw is not None:
            members.put_back(name, raw)
    return found["tools"] is None and found["functions"] is not None


def _tools(members: Members) -> tuple[AnyTool, ...]:
    raw = members.raw("tools")
    if raw is not None:
        short = shut_tools(raw)
        if short is not None and "functions" not in members:
            return short
        members.put_back("tools", raw)
    tools: list[AnyTool] = [_tool(each) for each in members.objects("tools") or ()]
    tools += [_described(each, "json", None) for each in members.objects("functions") or ()]
    return tuple(tools)


def _tool(tool: Members) -> AnyTool:
    kind = tool.text("type", "function")
    if kind not in ("function", "custom"):
        tool.put_back("type", Raw(msgspec.json.encode(kind)))
        raw = tool.whole_again()
        return ProviderTool(NAME, kind, tool.text("name", kind), raw)
    inner = tool.need(kind, tool.members(kind))
    return _described(inner, "json" if kind == "function" else "text", tool)


def _described(inner: Members, form: Literal["json", "text"], outer: Members | None) -> Tool:
    """A tool from its inner object; what is left over there is kept under the inner object's name."""
    name = inner.need("name", inner.text("name"))
    description = inner.text("description")
    schema = inner.raw("parameters") if form == "json" else None
    strict = inner.truth("strict") if form == "json" else None
    inner_rest = inner.rest(NAME)
    outer_rest = outer.rest(NAME) if outer else None
    kept = dict(outer_rest.members) if outer_rest else {}
    if inner_rest:
        kept["function" if form == "json" else "custom"] = Raw(msgspec.json.encode(inner_rest.members))
    return Tool(name, description, schema, form, strict, extras=Extras(NAME, kept) if kept else None)


def _tool_choice(members: Members) -> ToolChoice | None:
    modern = members.raw("tool_choice")
    legacy = members.raw("function_call")
    raw, name = (modern, "tool_choice") if modern is not None else (legacy, "function_call")
    if raw is None:
        return None
    if first_byte(raw) == b'"':
        word = msgspec.json.decode(raw, type=str)
        if word not in CHOICES:
            raise wrong(name, "one of none, auto, required, or an object")
        return ToolChoice(CHOICES[word])
    choice = Members.of(raw, name)
    allowed = choice.raw("allowed_tools")
    if allowed is not None:
        mode = Members.of(allowed, f"{name}.allowed_tools").text("mode", "auto")
        return ToolChoice(CHOICES.get(mode, "auto"), extras=Extras(NAME, {"allowed_tools": allowed}))
    inner = choice.members("function") or choice.members("custom") or choice
    return ToolChoice("one", inner.need("name", inner.text("name")))


def _reasoning(members: Members) -> Reasoning:
    """The wish for thinking; the forms that vendors added are kept as they were, beside what they mean."""
    effort = members.text("reasoning_effort")
    kept = {name: raw for name in REASONING_MEMBERS if (raw := members.raw(name)) is not None}
    extras = Extras(NAME, dict(kept)) if kept else None
    mode: Literal["off", "on"] | None = None
    budget: int | None = None
    if "thinking_budget" in kept:
        budget = Members({"thinking_budget": kept["thinking_budget"]}).whole("thinking_budget")
    if "enable_thinking" in kept:
        mode = "on" if Members({"enable_thinking": kept["enable_thinking"]}).truth("enable_thinking") else "off"
    if "thinking" in kept:
        thinking = Members.of(kept["thinking"], "thinking")
        mode = "off" if thinking.text("type") == "disabled" else "on"
        budget = thinking.whole("budget_tokens")
    if "reasoning" in kept:
        reasoning = Members.of(kept["reasoning"], "reasoning")
        effort = effort or reasoning.text("effort")
        budget = reasoning.whole("max_tokens")
        enabled = reasoning.truth("enabled")
        mode = None if enabled is None else "on" if enabled else "off"
    return Reasoning(mode, budget, effort, extras=extras)


def _output_shape(members: Members) -> OutputShape | None:
    raw = members.raw("response_format")
    if raw is None:
        return None
    form = Members.of(raw, "response_format")
    match form.text("type"):
        case "json_object":
            return OutputShape("json_object", extras=form.rest(NAME))
        case "json_schema":
            inner = form.need("json_schema", form.members("json_schema"))
            return OutputShape(
                "json_schema",
                schema=inner.raw("schema"),
                name=inner.text("name"),
                description=inner.text("description"),
                strict=inner.truth("strict"),
                extras=inner.rest(NAME),
            )
        case _:
            members.put_back("response_format", raw)
            return None
