"""The items of a conversation as turns.

Rules. Neighbouring items of the model are one turn, neighbouring results another, and each other message is one of its
own. A part's group is its item's id; where an item had none, that which parts it from its neighbours. System messages
at the beginning are the system's parts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Literal

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.request import (
    AnyTool,
    Extras,
    Part,
    Seal,
    ServerTool,
    Thinking,
    Tool,
    ToolCall,
    ToolResult,
    Turn,
    Unknown,
)
from dragoman.canon.seal import unwrap
from dragoman.dialects.carrier import BEFORE, NEXT, reunite
from dragoman.dialects.openai_responses import builtin
from dragoman.dialects.openai_responses.builtin import BuiltIn
from dragoman.dialects.openai_responses.offers import flat, read_tools
from dragoman.dialects.openai_responses.parts import content
from dragoman.dialects.openai_responses.seals import EMPTY_WORDS
from dragoman.dialects.openai_responses.wire import (
    BOUND_ITEMS,
    COMPACTION,
    COMPLETED,
    NAME,
    NAMELESS,
    OF_THE_USER,
    RAW_THOUGHT,
    REFERENCE,
)
from dragoman.dialects.take import Members, wrong

ROLES: Mapping[str, Literal["user", "system", "assistant"]] = {
    "user": "user",
    "system": "system",
    "developer": "system",
    "assistant": "assistant",
}
CALLS = frozenset({"function_call", "custom_tool_call", *builtin.BY_CALL})
RESULTS = frozenset({"function_call_output", "custom_tool_call_output", *builtin.BY_RESULT})


class Conversation:
    """The turns of one request as its items are read. Mutable: it gathers them, and tools found on the way."""

    def __init__(self, tools: Iterable[AnyTool]) -> None:
        self.system: list[Part] = []
        self.turns: list[Turn] = []
        self.tools: list[AnyTool] = list(tools)
        self.bound: dict[str, None] = {}
        """Kinds of items that no other wire can do without."""
        self._count = 0
        self._names = {tool.name for tool in self.tools}

    def read(self, items: Iterable[Members]) -> None:
        """Takes all items. Raises `Trouble`."""
        for item in items:
            self._count += 1
            self._item(item)
        self.turns = [
            replace(turn, parts=reunite(list(turn.parts))) if turn.role == "assistant" else turn for turn in self.turns
        ]

    def _item(self, item: Members) -> None:
        kind = item.text("type")
        if kind is None:
            kind = "message" if "role" in item else REFERENCE
        if kind == "message":
            self._message(item)
            return
        group = item.text("id")
        if kind in BOUND_ITEMS:
            self.bound[kind] = None
        if kind in CALLS or kind == "reasoning":
            _pass_over_completed(item)
            self._model(_call(item, kind, group) if kind in CALLS else self._reasoning(item, group))
        elif kind in RESULTS:
            if kind not in builtin.BY_RESULT:
                _pass_over_completed(item)
            self._user(replace(self._result(item, kind, group), group=group))
        elif kind == COMPACTION and "encrypted_content" in item:
            seal = unwrap(item.text("encrypted_content", ""))
            item.put_back("type", Raw(msgspec.json.encode(kind)))
            self._model([Thinking("", True, seal=seal, group=self._group(group), extras=item.rest(NAME))])
        else:
            self._carried(item, kind, group)

    def _group(self, item_id: str | None) -> str:
        return item_id if item_id is not None else f"{NAMELESS}{self._count}"

    def _message(self, item: Members) -> None:
        role = item.need("role", item.text("role"))
        neutral = ROLES.get(role)
        if neutral is None:
            raise wrong(item.where("role"), "one of user, assistant, system, developer")
        group = item.text("id")
        _pass_over_completed(item)
        parts, as_string = content(item)
        extras = item.rest(NAME)
        if neutral == "assistant":
            together = [replace(part, group=self._group(group)) for part in parts]
            if together and extras:
                first = together[0]
                together[0] = replace(first, extras=_joined(first.extras, extras))
            self._model(together)
        elif neutral == "system" and not self.turns and not extras:
            self.system += [replace(part, group=self._group(group)) for part in parts]
        else:
            grouped = [replace(part, group=group) for part in parts] if group else parts
            self.turns.append(Turn(neutral, tuple(grouped), as_string, extras))

    def _model(self, parts: Iterable[Part]) -> None:
        last = self.turns[-1] if self.turns else None
        if last is not None and last.role == "assistant":
            self.turns[-1] = replace(last, parts=(*last.parts, *parts))
        else:
            self.turns.append(Turn("assistant", tuple(parts)))

    def _user(self, part: Part) -> None:
        last = self.turns[-1] if self.turns else None
        if last is not None and last.role == "user" and last.parts and isinstance(last.parts[-1], ToolResult):
            self.turns[-1] = replace(last, parts=(*last.parts, part))
        else:
            self.turns.append(Turn("user", (part,)))

    def _reasoning(self, item: Members, item_id: str | None) -> list[Part]:
        """The thoughts of an item, one for each of its texts; the last bears the seal."""
        group = self._group(item_id)
        texts = [(text, False) for text in _texts(item, "summary") if text]
        texts += [(text, True) for text in _texts(item, "content") if text]
        sealed = item.text("encrypted_content")
        seal = None if sealed is None else unwrap(sealed)
        extras = item.rest(NAME)
        if not texts:
            return [_wordless(seal, group, extras)]
        bare = Seal(seal.origin, "") if seal else None
        parts = [
            Thinking(text, seal=bare, group=group, extras=raw_thought() if is_content else None)
            for text, is_content in texts
        ]
        parts[-1] = replace(parts[-1], seal=seal, extras=_joined(parts[-1].extras, extras))
        return list(parts)

    def _result(self, item: Members, kind: str, group: str | None) -> ToolResult:
        known = builtin.BY_RESULT.get(kind)
        if known is not None:
            return self._built_in_result(item, known, group)
        call_id = item.text("call_id", "")
        parts, as_string = content(item, "output")
        form: Literal["json", "text"] = "text" if kind.startswith("custom") else "json"
        return ToolResult(call_id, tuple(parts), form=form, as_string=as_string, extras=item.rest(NAME))

    def _built_in_result(self, item: Members, known: BuiltIn, group: str | None) -> ToolResult:
        """The result of a built-in: its own item is kept, beside what it says to other models.

        That of a local shell has no `call_id`: its `id` is the call's.
        """
        item.put_back("type", Raw(msgspec.json.encode(known.result)))
        call_id = item.text("call_id") or group or ""
        if known is builtin.TOOL_SEARCH:
            raw = item.raw("tools")
            tools = () if raw is None else found_tools(raw)
            if raw is not None:
                item.put_back("tools", raw)
            self._offer(tools)
            return ToolResult(call_id, builtin.found([tool.name for tool in tools]), extras=item.rest(NAME))
        raw = item.raw("output")
        if raw is not None:
            item.put_back("output", raw)
        failed = item.text("status")
        if failed is not None:
            item.put_back("status", Raw(msgspec.json.encode(failed)))
        parts = builtin.told(raw)
        return ToolResult(call_id, parts, is_error=True if failed == "failed" else None, extras=item.rest(NAME))

    def _offer(self, tools: Iterable[AnyTool]) -> None:
        """Adds tools that a search has found to those on offer."""
        for tool in tools:
            if tool.name not in self._names and isinstance(tool, Tool):
                self._names.add(tool.name)
                self.tools.append(replace(tool, deferred=True))

    def _carried(self, item: Members, kind: str, group: str | None) -> None:
        """An item that only this wire has, or that nobody knows."""
        if group is not None:
            item.put_back("id", Raw(msgspec.json.encode(group)))
        item.put_back("type", Raw(msgspec.json.encode(kind)))
        raw = item.whole_again()
        if kind.endswith("_call") or kind in ("mcp_list_tools", "mcp_approval_request", "program"):
            self._model([ServerTool(NAME, kind, raw, group=self._group(group))])
        elif kind.endswith("_output") or kind in OF_THE_USER:
            self.turns.append(Turn("user", (Unknown(NAME, kind, raw, group=group),)))
        else:
            self._model([Unknown(NAME, kind, raw, group=self._group(group))])


def _pass_over_completed(item: Members) -> None:
    """Takes a status that is worth no word."""
    status = item.raw("status")
    if status is not None and status != COMPLETED:
        item.put_back("status", status)


def found_tools(raw: Raw) -> tuple[AnyTool, ...]:
    """The tools in the result of a search. Raises `Trouble`."""
    return read_tools(Members({"tools": raw}).objects("tools") or [])


def raw_thought() -> Extras:
    """Marks thinking as the model's own words, where a summary is usual."""
    return Extras(NAME, {"type": RAW_THOUGHT})


def _wordless(seal: Seal | None, group: str, extras: Extras | None) -> Thinking:
    """Reasoning without words: what only its issuer can read, a seal of another part, or thinking left empty."""
    if seal is None:
        return Thinking("", group=group, extras=extras)
    if seal.origin and seal.blob.startswith(EMPTY_WORDS):
        return Thinking("", seal=Seal(seal.origin, seal.blob[1:]), group=group, extras=extras)
    redacted = not (seal.origin and seal.blob.startswith((NEXT, BEFORE)))
    return Thinking("", redacted, seal=seal, group=group, extras=extras)


def _texts(item: Members, member: str) -> list[str]:
    return [each.text("text", "") for each in item.objects(member) or ()]


def _call(item: Members, kind: str, group: str | None) -> list[Part]:
    """A call; one of a built-in keeps what its item is called."""
    call_id = item.text("call_id", "")
    known = builtin.BY_CALL.get(kind)
    if known is not None:
        arguments = item.raw(known.member)
        item.put_back("type", Raw(msgspec.json.encode(kind)))
        text = "{}" if arguments is None else bytes(arguments).decode("utf-8", "replace")
        return [ToolCall(call_id or group or "", known.name, text, group=group, extras=item.rest(NAME))]
    name, namespace = item.need("name", item.text("name")), item.text("namespace")
    if namespace is not None:
        item.put_back("namespace", Raw(msgspec.json.encode(namespace)))
    form: Literal["json", "text"] = "text" if kind == "custom_tool_call" else "json"
    arguments_text = item.text("input" if form == "text" else "arguments", "")
    return [ToolCall(call_id, flat(namespace, name), arguments_text, form, group=group, extras=item.rest(NAME))]


def _joined(one: Extras | None, other: Extras | None) -> Extras | None:
    if one is None or other is None:
        return one or other
    return Extras(NAME, {**one.members, **other.members})
