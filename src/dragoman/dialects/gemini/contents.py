"""A conversation as contents that the vendor accepts.

Rules. Function responses stand in a content of their own, as many as there were calls and in their order, directly
behind the calls; everything else the user said follows in another: a content that mixes them is refused with words
about a model's turn (Gemini 3.6 and later at Vertex AI, as users measured it; dive#287, agenthub#189). Other
neighbours of one role are merged; the user speaks first, and last where the model refuses to go on with an answer
begun. What a client of this dialect sent itself is left in its order, for the vendor to judge.

Source: ai.google.dev, function calling and thought signatures; SDK 3.3; read 2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw

from dragoman.canon.arguments import sent
from dragoman.canon.request import (
    File,
    Image,
    Inline,
    Part,
    Request,
    Text,
    ToolCall,
    ToolResult,
    Turn,
)
from dragoman.dialects.gemini.content import BETWEEN, PDF, Wire, item, plain
from dragoman.dialects.gemini.pen import Pen
from dragoman.dialects.gemini.seals import SKIP
from dragoman.dialects.gemini.wire import EMPTY_OBJECT, MADE_UP
from dragoman.dialects.pairs import Slot, pair

BILLING_LINE = "x-anthropic-billing-header:"
"""Claude Code's first system block begins so. It changes from conversation to conversation, and only its own vendor
reads it: at other vendors it would break every cached prefix."""
BEGINNING = "(The conversation begins.)"
GO_ON = "(Go on from where your last answer ends.)"
INTERRUPTED = "The tool call was interrupted and gave no result."
WITHOUT_WORDS = "The tool failed without a word."
SIGNED = "thoughtSignature"
"""Value of the habit `reasoning_echo` by which a model demands signatures on its calls."""
RESULT_MEDIA = frozenset({"image/png", "image/jpeg", "image/webp", PDF})
"""Media that a function response may hold. Source: ai.google.dev, multimodal function responses, read 2026-11-20."""

_OBJECT = msgspec.json.Decoder(dict[str, Raw])


def write_system(request: Request, pen: Pen, instruction: str = "") -> Wire | None:
    """The system instruction, `instruction` at its end; None if there is nothing to say."""
    parts = list(request.system)
    if parts and isinstance(parts[0], Text) and parts[0].text.startswith(BILLING_LINE):
        del parts[0]
        pen.lose("system.billing_line", "Only its own vendor reads the billing line.", "dropped")
    for turn in request.turns[: _first_said(request.turns)]:
        pen.kept(turn.extras, "turn")
        parts += turn.parts
    said = [each for part in parts if (each := item(part, pen)) is not None]
    if instruction:
        said.append(plain(instruction))
    return {"parts": said} if said else None


def _first_said(turns: tuple[Turn, ...]) -> int:
    """The place of the first turn that is not the system's."""
    return next((place for place, turn in enumerate(turns) if turn.role != "system"), len(turns))


def write_contents(request: Request, pen: Pen) -> list[Wire]:
    """The contents of a request. The tools must have been written before."""
    return _Conversation(request, pen).write()


class _Content:
    """One content. Mutable: neighbours of its role are added to it, unless it holds function responses."""

    __slots__ = ("extras", "is_results", "parts", "role")

    def __init__(self, role: str, parts: list[Wire], *, is_results: bool = False) -> None:
        self.role = role
        self.parts = parts
        self.is_results = is_results
        self.extras: Wire = {}

    def wire(self) -> Wire:
        """As it is written."""
        return {"role": self.role, "parts": self.parts, **self.extras}


class _Conversation:
    """The contents of one request as they are written. Mutable: it gathers them."""

    def __init__(self, request: Request, pen: Pen) -> None:
        self._request = request
        self._pen = pen
        self._pairs = pair(request.turns)
        self._contents: list[_Content] = []

    def write(self) -> list[Wire]:
        """All contents."""
        turns = self._request.turns
        for position in range(_first_said(turns), len(turns)):
            turn = turns[position]
            if turn.role == "assistant":
                self._assistant(turn, self._pairs.slots.get(position, []))
            elif turn.role == "user":
                self._user(turn)
            else:
                self._system(turn)
        if not self._pen.own:
            self._settle()
        return [content.wire() for content in self._contents]

    def _settle(self) -> None:
        """Lets the user speak first, and last where that is demanded."""
        pen, contents = self._pen, self._contents
        if not contents or contents[0].role == "model":
            pen.lose("turns", "The user must speak first; a word was put in front.")
            contents.insert(0, _Content("user", [plain(BEGINNING)]))
        if contents[-1].role == "model":
            pen.lose("prefill", "The upstream may begin a new answer instead of going on with the one begun.")
            if not pen.habits.prefill:
                contents.append(_Content("user", [plain(GO_ON)]))

    def _say(self, role: str, parts: list[Wire], turn: Turn | None = None) -> None:
        extras: Wire = {**self._pen.kept(turn.extras, "turn")} if turn else {}
        last = self._contents[-1] if self._contents else None
        if last is not None and last.role == role and not last.is_results and not self._pen.own:
            last.parts += parts
        elif parts or self._pen.own:
            self._contents.append(_Content(role, list(parts)))
            self._contents[-1].extras = extras

    def _system(self, turn: Turn) -> None:
        self._pen.lose("turn.system", "The wire takes no system message between others; it is sent as user text.")
        said = [str(each["text"]) for part in turn.parts if (each := item(part, self._pen)) and "text" in each]
        if said:
            words = BETWEEN.join(said)
            self._say("user", [plain(f"<system-reminder>\n{words}\n</system-reminder>")], turn)

    def _user(self, turn: Turn) -> None:
        parts: list[Wire] = []
        for part in turn.parts:
            if isinstance(part, ToolResult) and id(part) in self._pairs.placed:
                if self._pen.own:
                    parts.append(self._own_response(part))
                continue
            said = self._own_response(part) if isinstance(part, ToolResult) and self._pen.own else item(part, self._pen)
            if said is not None:
                parts.append(said)
        self._say("user", parts, turn)

    def _assistant(self, turn: Turn, slots: list[Slot]) -> None:
        pen = self._pen
        parts: list[Wire] = []
        is_first = True
        for part in turn.parts:
            said = self._call(part, is_first=is_first) if isinstance(part, ToolCall) else item(part, pen)
            is_first = is_first and not isinstance(part, ToolCall)
            if said is not None:
                parts.append(said)
        self._say("model", parts, turn)
        if slots and not pen.own:
            self._results(slots)

    def _call(self, call: ToolCall, *, is_first: bool) -> Wire:
        pen = self._pen
        pen.unmarked(call.cache_mark)
        name = pen.names.sent(call.name)
        extras = dict(pen.kept(call.extras, "tool_call"))
        more = extras.pop("functionCall", None)
        function: Wire = {**self._id(call.id), "name": name, "args": self._arguments(call, name)}
        said: Wire = {"functionCall": function | (_OBJECT.decode(more) if more is not None else {}), **extras}
        signature = pen.signature(call.seal)
        if not signature and is_first and pen.habits.reasoning_echo == SIGNED and (call.seal or not pen.own):
            pen.lose(
                "tool_call.seal", "The model demands its signature on a call; the vendor's mark for none was sent."
            )
            signature = SKIP
        if signature:
            said["thoughtSignature"] = signature
        return said

    def _id(self, call_id: str) -> Wire:
        if not call_id or not self._pen.habits.call_ids or call_id.startswith(MADE_UP):
            return {}
        return {"id": call_id}

    def _arguments(self, call: ToolCall, name: str) -> Wire | Raw:
        pen = self._pen
        if call.form == "text":
            return {"input": call.arguments}
        arguments = call.arguments
        if name in pen.lowered:
            arguments = sent(arguments, pen.lowered[name])
        if not arguments.strip():
            return EMPTY_OBJECT
        try:
            _OBJECT.decode(arguments)
        except (msgspec.DecodeError, RecursionError):
            pen.lose("tool_call.arguments", "They are not a JSON object; they were put whole into '__unparsed'.")
            return {"__unparsed": call.arguments}
        return Raw(arguments.encode())

    def _results(self, slots: list[Slot]) -> None:
        """One function response per call, then what of the results only a content of the user's can hold."""
        pen = self._pen
        responses: list[Wire] = []
        outside: list[Wire] = []
        for slot in slots:
            if not slot.results:
                pen.lose("tool_result.missing", "A tool call had no result; one that says so was added.")
            if len(slot.results) > 1:
                pen.lose("tool_result.duplicate", "A tool call had several results; they are sent as one.")
            function, media = self._response(slot.call, slot.results)
            responses.append({"functionResponse": function})
            if media:
                why = "A function response of this model holds no such media; they follow in a content of their own."
                pen.lose("tool_result.media", why)
                outside += [plain(f"[From the result of tool {function['name']}:]"), *media]
        self._contents.append(_Content("user", responses, is_results=True))
        if outside:
            self._say("user", outside)

    def _response(self, call: ToolCall, results: list[ToolResult]) -> tuple[Wire, list[Wire]]:
        """The function response to a call, and the media that it cannot hold."""
        pen = self._pen
        texts: list[str] = []
        within: list[Wire] = []
        outside: list[Wire] = []
        for result in results:
            pen.unmarked(result.cache_mark)
            pen.kept(result.extras, "tool_result")
            for part in result.parts:
                said = item(part, pen)
                if said is None:
                    continue
                if "text" in said:
                    texts.append(str(said["text"]))
                else:
                    (within if self._fits_within(part) else outside).append(said)
        failed = any(result.is_error for result in results) or not results
        text = BETWEEN.join(texts) or ("" if results and not failed else INTERRUPTED if not results else WITHOUT_WORDS)
        function: Wire = {**self._id(call.id), "name": pen.names.sent(call.name)}
        function["response"] = {"error" if failed else "output": text}
        if within:
            function["parts"] = within
        return function, outside

    def _fits_within(self, part: Part) -> bool:
        if not self._pen.habits.result_media or not isinstance(part, Image | File):
            return False
        return isinstance(part.source, Inline) and part.source.media_type in RESULT_MEDIA

    def _own_response(self, result: ToolResult) -> Wire:
        """A result of a client of this dialect, as it was sent."""
        pen = self._pen
        extras = dict(pen.kept(result.extras, "tool_result"))
        more = extras.pop("functionResponse", None)
        left = _OBJECT.decode(more) if more is not None else {}
        function: Wire = {**self._id(result.call_id)}
        if result.name is not None:
            function["name"] = pen.names.sent(result.name)
        said = [item(part, pen) for part in result.parts]
        texts = [str(each["text"]) for each in said if each is not None and "text" in each]
        media = [each for each in said if each is not None and "text" not in each]
        if texts:
            function["response"] = {"error" if result.is_error else "output": BETWEEN.join(texts)}
        if media:
            function["parts"] = media
        return {"functionResponse": function | left, **extras}
