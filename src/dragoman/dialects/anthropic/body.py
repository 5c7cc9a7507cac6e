"""A `Request` as the body of a Messages request, and of a token count.

Rules: nothing is added that the client did not ask for but what the wire demands; where the wire cannot say a wish,
it is dropped or changed, and that is a loss. What a client of this dialect said itself is passed on as it was, for
the vendor to judge; the rules that spare others a refusal apply to what came from other dialects.

`max_tokens` is demanded by the wire. A request without one gets the upstream's limit, or 32000, which every current
model takes and which Claude Code itself sends for models it does not know.

Source: Messages API reference and the types of the vendor's SDK 2.10, read 2026-11-20.
"""

from __future__ import annotations

from hashlib import sha256
from itertools import takewhile

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.problem import Kind, refuse
from dragoman.canon.request import (
    AnyTool,
    OutputShape,
    ProviderTool,
    Reasoning,
    Request,
    Sampling,
    Tool,
    ToolChoice,
    ToolReference,
    ToolResult,
)
from dragoman.dialects.anthropic.conversation import Wire
from dragoman.dialects.anthropic.reasoning import effort_of, thinking_of
from dragoman.dialects.anthropic.turns import Losses, Names, TurnsWriter, limit_marks
from dragoman.dialects.anthropic.words import NAME
from dragoman.dialects.base import Target, Written
from dragoman.dialects.free_text import TEXT_SCHEMA, described

OUTPUT_LIMIT = 32_000
"""`max_tokens` where neither the client nor the upstream's habits name one."""
MARK_LIMIT = 4
"""Cache marks the vendor takes in one request."""
NAME_LIMIT = 128
"""Characters of a tool's name at the vendor."""
USER_LIMIT = 256
"""Characters of `metadata.user_id` at the vendor."""
TIERS = {"auto": "auto", "default": "standard_only", "standard_only": "standard_only"}
"""Service tiers by the words of this and the chat wires."""
WEB_SEARCHES = ("web_search", "web_search_preview", "google_search")
"""What other vendors call the web search that they run."""
JSON_WISH = "Answer with one JSON object and nothing else."
CARRIES = frozenset({"safeguards"})
"""Members with local paths and rules in them, for the vendor alone."""
EMPTY_SCHEMA = Raw(b'{"type":"object","properties":{}}')
_ONLY_ANSWERED = (
    "max_tokens",
    "stream",
    "temperature",
    "top_p",
    "top_k",
    "stop_sequences",
    "metadata",
    "service_tier",
    "container",
    "inference_geo",
    "safeguards",
)
_OBJECT = msgspec.json.Decoder(dict[str, Raw])


def write_request(request: Request, target: Target) -> Written:
    """The body for an upstream of this dialect. Raises `Trouble` (unsupported) for a forced tool it cannot call."""
    return _BodyWriter(request, target).written()


def write_count_request(request: Request, target: Target) -> Written:
    """The body of a token count for an upstream of this dialect."""
    written = write_request(replace(request, max_output=request.max_output or OUTPUT_LIMIT), target)
    members = _OBJECT.decode(written.body)
    counted = {name: value for name, value in members.items() if name not in _ONLY_ANSWERED}
    return replace(written, body=msgspec.json.encode(counted))


class _BodyWriter:
    """Writes one body. Mutable: it gathers the members and the losses."""

    def __init__(self, request: Request, target: Target) -> None:
        self._target = target
        self._habits = target.habits
        self._ours = request.dialect == NAME
        self._losses = Losses(request.losses)
        self._names = Names(NAME_LIMIT if target.native else self._habits.tool_name_limit)
        self._turns = TurnsWriter(target, self._losses, self._names, ours=self._ours)
        self._request = request if self._ours else self._headed(request)
        self._local_stops: tuple[str, ...] = ()

    def _headed(self, request: Request) -> Request:
        """The request, its system prompt with all that the system says before anyone else speaks."""
        heads = tuple(takewhile(lambda turn: turn.role == "system", request.turns))
        if not heads:
            return request
        for turn in heads:
            self._losses.extras("turn", turn.extras)
        system = (*request.system, *(part for turn in heads for part in turn.parts))
        as_string = len(system) == 1 and (heads[0].as_string or request.system_as_string)
        return replace(request, system=system, system_as_string=as_string, turns=request.turns[len(heads) :])

    def written(self) -> Written:
        """The body and what must be remembered of it."""
        request = self._request
        body: Wire = {"model": self._target.model, "max_tokens": self._max_tokens()}
        tools = self._tools()
        if tools:
            body["tools"] = tools
        system = self._system()
        if system:
            body["system"] = system
        body["messages"] = self._messages()
        choice = self._tool_choice(bool(tools))
        if choice:
            body["tool_choice"] = choice
        self._thinking(body, request.reasoning)
        self._output_config(body, request.reasoning, request.output_shape)
        self._sampling(body, request.sampling)
        self._rest(body)
        limit_marks(self._turns.marked, MARK_LIMIT, self._losses)
        for name in self._habits.drop_members:
            if body.pop(name, None) is not None:
                self._losses.dropped(name, "The target does not take it.")
        free = frozenset(
            self._names.sent(tool.name) for tool in request.tools if isinstance(tool, Tool) and tool.form == "text"
        )
        losses = self._losses.all()
        return Written(msgspec.json.encode(body), losses, self._names.changed, self._local_stops, free)

    def _max_tokens(self) -> int:
        wish, limit = self._request.max_output, self._habits.max_output_limit
        if wish is None:
            chosen = limit or OUTPUT_LIMIT
            self._losses.changed("max_output", f"The wire demands a limit and none was given; {chosen} was set.")
            return chosen
        if limit is not None and wish > limit:
            self._losses.changed("max_output", f"The target generates {limit} tokens at most.")
            return limit
        return wish

    def _system(self) -> object:
        content = self._turns.content(self._request.system, self._request.system_as_string)
        wish = self._wish()
        if not wish or not content:
            return content or wish
        return f"{content}\n\n{wish}" if isinstance(content, str) else [*content, {"type": "text", "text": wish}]

    def _wish(self) -> str:
        """Words in place of a form of output that cannot be demanded; empty if there is none."""
        shape = self._request.output_shape
        if shape is None or self._is_known(shape):
            return ""
        return (
            JSON_WISH
            if shape.schema is None
            else (f"{JSON_WISH} It must match this JSON Schema:\n{bytes(shape.schema).decode('utf-8', 'replace')}")
        )

    def _is_known(self, shape: OutputShape) -> bool:
        return shape.kind == "json_schema" and shape.schema is not None and shape.kind in self._habits.output_shapes

    def _messages(self) -> list[Wire]:
        messages = self._turns.messages(self._request.turns)
        if not self._ours and (not messages or messages[0]["role"] == "assistant"):
            self._losses.changed("turns", "The target wants the user to speak first; a word was put in front.")
            messages.insert(0, {"role": "user", "content": "(The conversation begins.)"})
        if not self._ours and messages[-1]["role"] == "assistant":
            self._trim(messages)
        return messages

    def _trim(self, messages: list[Wire]) -> None:
        """Takes the blanks from the end of an answer that was begun, for the target refuses them there."""
        holder, name = messages[-1], "content"
        if isinstance(holder["content"], list):
            holder, name = holder["content"][-1], "text"
        text = holder.get(name) if isinstance(holder, dict) else None
        if not isinstance(text, str) or text == text.rstrip():
            return
        self._losses.changed("prefill", "The target refuses blanks at the end of an answer begun; they were left out.")
        holder[name] = text.rstrip()
        if not holder[name]:
            messages.pop()

    def _tools(self) -> list[object]:
        if self._request.tools and not self._habits.tools:
            self._losses.dropped("tools", "The target cannot call tools.")
            return []
        referred = _referred(self._request)
        written: list[object] = []
        for tool in self._request.tools:
            wire = self._tool(tool, referred)
            if wire is not None:
                written.append(wire)
        return written

    def _tool(self, tool: AnyTool, referred: frozenset[str]) -> object | None:
        if isinstance(tool, ProviderTool):
            return self._provider_tool(tool)
        if tool.deferred and not self._target.native and tool.name not in referred:
            self._losses.dropped("tool.deferred", "The target knows no tool search, so the tool is not offered yet.")
            return None
        wire: Wire = {"name": self._names.sent(tool.name)}
        description = described(tool)
        if description is not None:
            wire["description"] = description
        wire["input_schema"] = EMPTY_SCHEMA if tool.schema is None else tool.schema
        if tool.form == "text":
            self._losses.changed("tool.form", "The target knows JSON arguments only; the text is asked for in 'input'.")
            wire["input_schema"] = TEXT_SCHEMA
        if tool.strict is not None and self._habits.tool_strict:
            wire["strict"] = tool.strict
        elif tool.strict:
            self._losses.dropped("tool.strict", "The target does not know it.")
        if tool.deferred and self._target.native:
            wire["defer_loading"] = True
        self._turns.adorn(wire, tool.cache_mark, tool.extras, "tool")
        return wire

    def _provider_tool(self, tool: ProviderTool) -> object | None:
        if tool.dialect == NAME:
            return tool.raw
        if tool.kind in WEB_SEARCHES and self._target.native:
            self._losses.changed(f"tool.{tool.kind}", "The target's own web search stands in for it.")
            return {"type": "web_search_20250305", "name": "web_search"}
        self._losses.dropped(f"tool.{tool.kind}", "It is run by another vendor.")
        choice = self._request.tool_choice
        if choice and choice.mode == "one" and choice.name in (tool.name, tool.kind):
            raise refuse(
                Kind.UNSUPPORTED,
                f"The tool '{tool.kind}' was demanded but is run by another vendor than the one that answers. "
                "Choose another model or do not demand it.",
                param="tool_choice",
            )
        return None

    def _tool_choice(self, offered: bool) -> Wire | None:
        choice = self._request.tool_choice or ToolChoice("auto")
        one_call = self._request.parallel_tools is False
        if not offered:
            if choice.mode in ("any", "one"):
                self._losses.dropped("tool_choice", "No tools are offered.")
            return None
        if choice.mode in ("any", "one") and not self._habits.tool_choice_any:
            self._losses.changed("tool_choice", "The target cannot be made to call a tool.")
            choice = ToolChoice("auto")
        if one_call and not self._habits.parallel_tools_member:
            self._losses.dropped("parallel_tools", "The target does not know it.")
            one_call = False
        if self._request.tool_choice is None and not one_call:
            return None
        wire: Wire = {"type": "tool" if choice.mode == "one" else choice.mode}
        if choice.mode == "one":
            wire["name"] = self._names.sent(choice.name or "")
        if one_call and choice.mode != "none":
            wire["disable_parallel_tool_use"] = True
        return wire | self._losses.extras("tool_choice", choice.extras)

    def _thinking(self, body: Wire, reasoning: Reasoning) -> None:
        wire = thinking_of(reasoning, body["max_tokens"], self._target, self._losses, ours=self._ours)
        if wire is None:
            return
        forced = body.get("tool_choice", {}).get("type") in ("any", "tool")
        if wire["type"] != "disabled" and not self._ours and forced:
            self._losses.dropped("reasoning", "The target does not think when a call is demanded of it.")
            return
        if wire["type"] == "enabled" and self._target.native and _lacks_thinking(body["messages"]):
            self._losses.dropped("reasoning", "The call now answered came without thinking, which the target refuses.")
            return
        body["thinking"] = wire

    def _output_config(self, body: Wire, reasoning: Reasoning, shape: OutputShape | None) -> None:
        config: Wire = self._left_over("output_config")
        effort = effort_of(reasoning, self._target, self._losses, ours=self._ours)
        if effort is not None:
            config["effort"] = effort
        if shape is not None:
            found = self._format(shape)
            if found is not None:
                config["format"] = found
        if config:
            body["output_config"] = config

    def _format(self, shape: OutputShape) -> Wire | None:
        if not self._is_known(shape):
            self._losses.changed("output_shape", "The target has no such form of output; it is asked for in words.")
            return None
        for name in ("name", "description", "strict"):
            if getattr(shape, name) is not None:
                self._losses.dropped(f"output_shape.{name}", "The target's dialect has no such member.")
        wire: Wire = {"type": "json_schema", "schema": shape.schema}
        return wire | self._losses.extras("output_shape", shape.extras)

    def _left_over(self, name: str) -> Wire:
        """The members of an object that the reader opened, but did not take."""
        extras = self._request.extras
        raw = extras.members.get(name) if extras and extras.dialect == NAME else None
        return dict(_OBJECT.decode(raw)) if raw is not None else {}

    def _sampling(self, body: Wire, sampling: Sampling) -> None:
        for name in ("seed", "frequency_penalty", "presence_penalty"):
            if getattr(sampling, name) is not None:
                self._losses.dropped(f"sampling.{name}", "The target's dialect has no such member.")
        temperature = sampling.temperature
        if temperature is not None and temperature > 1:
            self._losses.changed("sampling.temperature", "The target takes 1 at most.")
            temperature = 1.0
        wishes = {"temperature": temperature, "top_p": sampling.top_p, "top_k": sampling.top_k}
        thinks = not self._ours and body.get("thinking", {}).get("type") in ("enabled", "adaptive")
        for name, wish in wishes.items():
            if wish is None:
                continue
            if self._habits.sampling_refused or (thinks and not _bearable(name, wish)):
                self._losses.dropped(f"sampling.{name}", "The target does not take it from a model that thinks.")
            else:
                body[name] = wish

    def _rest(self, body: Wire) -> None:
        request = self._request
        if request.stop:
            self._stop(body)
        metadata = self._left_over("metadata")
        user = self._user()
        if user:
            metadata["user_id"] = user
        if metadata:
            body["metadata"] = metadata
        if request.service_tier is not None:
            tier = request.service_tier if self._ours else TIERS.get(request.service_tier)
            if tier is None:
                self._losses.dropped("service_tier", "The target does not know this tier.")
            else:
                body["service_tier"] = tier
        if self._target.stream:
            body["stream"] = True
        for name, value in self._losses.extras("", request.extras).items():
            if name in CARRIES and not self._target.native:
                self._losses.dropped(name, "It holds local data that is meant for the vendor alone.")
            else:
                body.setdefault(name, value)
        body.update(self._habits.extra_body)

    def _stop(self, body: Wire) -> None:
        """Sequences as many as are taken; the vendor itself takes any number, but none that is blank."""
        limit = None if self._target.native else self._habits.stop_limit
        fit = [text for text in self._request.stop if self._ours or text.strip()]
        sent = fit[:limit]
        self._local_stops = tuple(text for text in self._request.stop if text not in sent)
        if sent:
            body["stop_sequences"] = sent

    def _user(self) -> str | None:
        user = self._request.user
        limit = USER_LIMIT if self._target.native else self._habits.user_limit
        if not user or (len(user) <= limit) or (self._ours and self._target.native):
            return user
        if limit == 0:
            self._losses.dropped("user", "The target is never told who asks.")
            return None
        self._losses.changed("user", f"The target takes {limit} characters; a digest was sent.")
        return sha256(user.encode()).hexdigest()[:limit]


def _bearable(name: str, wish: float) -> bool:
    """Whether a model that thinks takes this: temperature 1, top_p from 0.95, and no top_k."""
    return (name == "temperature" and wish == 1) or (name == "top_p" and wish >= 0.95)


def _referred(request: Request) -> frozenset[str]:
    """Names of the tools that a search has found."""
    if not any(isinstance(tool, Tool) and tool.deferred for tool in request.tools):
        return frozenset()
    results = (part for turn in request.turns for part in turn.parts if isinstance(part, ToolResult))
    return frozenset(part.name for result in results for part in result.parts if isinstance(part, ToolReference))


def _lacks_thinking(messages: list[Wire]) -> bool:
    """Whether the calls being answered stand in a message that does not begin with thinking (pitfall 81)."""
    if len(messages) < 2 or messages[-1]["role"] != "user" or type(messages[-1]["content"]) is not list:
        return False
    kinds = [block["type"] for block in messages[-1]["content"] if type(block) is dict]
    before = messages[-2]["content"]
    if "tool_result" not in kinds or messages[-2]["role"] != "assistant" or type(before) is not list:
        return False
    first = before[0]
    return type(first) is dict and first["type"] not in ("thinking", "redacted_thinking")
