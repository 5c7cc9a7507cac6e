"""A request as a Responses body that a strict server accepts.

Theory: the body is built from the neutral request member by member and encoded once at the end; schemas and whatever
was never understood go through as raw JSON. What the upstream cannot be told is recorded as a loss. A request of
another dialect asks the server to keep nothing, and a model that thinks for its reasoning in sealed form, so that the
client can give it back; any other refuses that wish ("Encrypted content is not supported with this model").

Normal form of a body that came in on this wire: `input` is a list whose items have a `type`; the content of the model's
messages is a list, and those that have an `id` have a `status`, as calls of built-in tools have; a status `completed`
of any other item, empty annotations and log probabilities are left out; system messages have `Target`'s own word for
their role; tools that stand in the result of a search do not stand among the tools; a text format `text` is left out.
"""

from __future__ import annotations

from collections.abc import Mapping

import msgspec
from msgspec import Raw

from dragoman.canon.request import OutputShape, Request
from dragoman.canon.usage import count
from dragoman.dialects.base import Target, Written
from dragoman.dialects.efforts import effort_word, is_off
from dragoman.dialects.encoding import encoded
from dragoman.dialects.identity import write_identity
from dragoman.dialects.names import ToolNames
from dragoman.dialects.offering import refuse_connectors
from dragoman.dialects.openai_responses.input import write_input
from dragoman.dialects.openai_responses.pen import Pen
from dragoman.dialects.openai_responses.tools import write_tools
from dragoman.dialects.openai_responses.wire import SEALED

LEAST_OUTPUT = 16
"""OpenAI answers 400 to a wish for less. Source: Responses reference, `max_output_tokens`, read 2026-11-20."""
SHAPE_NAME = "answer"
SHAPE_NAME_LIMIT = 64
JSON_WISH = "Answer with one JSON object and nothing else."
COUNTED = (
    *("model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "reasoning", "text"),
    *("previous_response_id", "conversation", "truncation"),
)
"""Members that the token count takes."""
_MEMBERS = msgspec.json.Decoder(dict[str, Raw])

CONCESSIONS: Mapping[str, Mapping[str, object]] = {
    "reasoning.summary": {"summaries": False},
    "reasoning.effort": {"drop_members": ("reasoning",)},
    "include": {"sealed_thinking": False},
    "parallel_tool_calls": {"parallel_tools_member": False},
}
"""Habits that may mend a refusal, by the member that was refused. The first is common: "Your organization must be
verified to generate reasoning summaries", with the code `unsupported_value` (seen in reports, read 2026-11-20)."""

Body = dict[str, object]


def write_request(request: Request, target: Target) -> Written:
    """The body for an upstream. Raises `Trouble` (unsupported) for tools that only another vendor runs."""
    pen = Pen(target, request.dialect)
    body = _body(request, pen)
    if target.stream:
        body["stream"] = True
    for member in target.habits.drop_members:
        if body.pop(member, None) is not None:
            pen.lose(member, "The upstream must not be sent this member.", "dropped")
    body.update(target.habits.extra_body)
    local = tuple(dict.fromkeys(text for text in request.stop if text))
    if local:
        pen.lose("stop", "This wire takes no stop sequences; they are enforced by this gateway.")
    return _written(body, request, pen, local)


def write_count(request: Request, target: Target) -> Written:
    """The body of a token count."""
    pen = Pen(target, request.dialect)
    body = _body(request, pen)
    return _written({name: body[name] for name in COUNTED if name in body}, request, pen, ())


def read_count(body: bytes) -> int | None:
    """Tokens in an upstream's answer; None if it tells none. Never raises."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return count(answer.get("input_tokens")) if isinstance(answer, dict) else None


def tell_count(tokens: int) -> bytes:
    """The answer to a client that asked for a token count."""
    return msgspec.json.encode({"object": "response.input_tokens", "input_tokens": tokens})


def settings(request: Request, pen: Pen) -> Body:
    """All members but for the conversation: what an answer repeats too."""
    body: Body = dict(pen.kept(request.extras))
    body |= write_tools(request, pen)
    _limit(request, body, pen)
    _sampling(request, body, pen)
    _reasoning(request, body, pen)
    _text(request.output_shape, body, pen)
    write_identity(request, body, pen)
    if pen.target.native and not pen.own and "user" in body:
        body["prompt_cache_key"] = body["user"]
    return body


def _body(request: Request, pen: Pen) -> Body:
    refuse_connectors(request, pen)
    shape = request.output_shape
    wish = ""
    if shape and (shape.kind not in pen.habits.output_shapes or (shape.kind == "json_object" and not pen.own)):
        wish = _wish(shape, pen)
    members = settings(request, pen)
    instructions, items = write_input(request, pen)
    if wish:
        items.insert(0, {"type": "message", "role": pen.habits.system_role, "content": wish})
    body: Body = {"model": pen.target.model}
    if instructions is not None:
        body["instructions"] = instructions
    body["input"] = items
    if not pen.own:
        body["store"] = False
        if pen.habits.effort and pen.habits.sealed_thinking:
            body["include"] = [SEALED]
    return {**body, **members}


def _written(body: Body, request: Request, pen: Pen, local: tuple[str, ...]) -> Written:
    return Written(
        encoded(body, pen), (*request.losses, *pen.losses), pen.names.changed, local, frozenset(pen.text_tools)
    )


def _limit(request: Request, body: Body, pen: Pen) -> None:
    wished, limit = request.max_output, pen.habits.max_output_limit
    if wished is None:
        return
    if limit is not None and wished > limit:
        pen.lose("max_output", "The upstream generates fewer tokens at most; its limit was sent.")
        wished = limit
    if wished < LEAST_OUTPUT and not pen.own:
        pen.lose("max_output", "The upstream takes no limit as low; its least was sent.")
        wished = LEAST_OUTPUT
    body["max_output_tokens"] = wished


def _sampling(request: Request, body: Body, pen: Pen) -> None:
    wished = request.sampling
    for member, value in (("temperature", wished.temperature), ("top_p", wished.top_p)):
        if value is not None and pen.habits.sampling_refused:
            pen.lose(member, "The model takes no sampling members.", "dropped")
        elif value is not None:
            body[member] = value
    for member, left in (
        ("top_k", wished.top_k),
        ("seed", wished.seed),
        ("frequency_penalty", wished.frequency_penalty),
        ("presence_penalty", wished.presence_penalty),
    ):
        if left is not None:
            pen.lose(member, "This wire has no such member.", "dropped")


def _reasoning(request: Request, body: Body, pen: Pen) -> None:
    """The wish for thinking. A summary is asked for where thinking may be shown, for nothing else of it ever is."""
    wished = request.reasoning
    said: Body = dict(pen.kept(wished.extras, "reasoning"))
    asked = wished.mode is not None or wished.effort is not None or wished.budget is not None
    if pen.habits.effort and asked:
        word = effort_word(wished, pen)
    else:
        word = wished.effort if pen.own else None
        if asked and not pen.own:
            pen.lose("reasoning", "The upstream cannot be told how much to think.", "dropped")
    if word is not None:
        said["effort"] = word
    shown = wished.mode is not None and wished.display != "omitted" and not is_off(wished)
    if shown and pen.habits.effort and not pen.own:
        if pen.habits.summaries:
            said["summary"] = "auto"
        else:
            pen.lose("reasoning.summary", "The upstream shows this account no thinking.", "dropped")
    if said:
        body["reasoning"] = said


def _text(shape: OutputShape | None, body: Body, pen: Pen) -> None:
    """The member `text`: the form of the answer, beside what else it said."""
    left = body.get("text")
    text: Body = dict(_MEMBERS.decode(left)) if isinstance(left, Raw) else {}
    if shape is not None and shape.kind in pen.habits.output_shapes:
        text["format"] = _format(shape, pen)
    if text:
        body["text"] = text


def _format(shape: OutputShape, pen: Pen) -> Body:
    extras = dict(pen.kept(shape.extras, "output_shape"))
    if shape.kind == "json_object":
        return {"type": "json_object", **extras}
    told: Body = {"type": "json_schema", "name": ToolNames(SHAPE_NAME_LIMIT).sent(shape.name or SHAPE_NAME)}
    for member, value in (("description", shape.description), ("strict", shape.strict)):
        if value is not None:
            told[member] = value
    told["schema"] = Raw(b"{}") if shape.schema is None else shape.schema
    return {**told, **extras}


def _wish(shape: OutputShape, pen: Pen) -> str:
    """The form in words, for upstreams that cannot be held to it, or answer 400 where no message names JSON.

    They look for the word in the messages only; the instructions do not count.
    """
    if shape.kind in pen.habits.output_shapes:
        return JSON_WISH
    pen.lose("output_shape", "The upstream cannot be held to this form; it is asked for in a message.")
    if shape.schema is None:
        return JSON_WISH
    return f"{JSON_WISH} It must match this JSON Schema:\n{bytes(shape.schema).decode('utf-8', 'replace')}"
