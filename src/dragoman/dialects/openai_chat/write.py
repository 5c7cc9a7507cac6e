"""A request as a chat body that a strict compatible server accepts.

Theory: the body is built from the neutral request member by member and encoded once at the end; schemas and whatever
was never understood go through as raw JSON. What the upstream cannot be told is recorded as a loss. Members of this
dialect that the reader did not take are sent again; those of another dialect are losses.

Normal form of a body that came in on this wire: leading system messages are one; `developer` is `Target`'s own word
for system; `stop` is a list; the output limit has one member; `functions`, `function_call` and role `function` are
written as tools; a refusal is a member, not a content part; an empty assistant message is left out.
"""

from __future__ import annotations

import msgspec

from dragoman.canon.problem import Kind, refuse
from dragoman.canon.request import OutputShape, Request
from dragoman.dialects.base import Target, Written
from dragoman.dialects.encoding import encoded
from dragoman.dialects.identity import write_identity
from dragoman.dialects.names import ToolNames
from dragoman.dialects.offering import refuse_connectors
from dragoman.dialects.openai_chat.effort import write_effort
from dragoman.dialects.openai_chat.messages import write_messages
from dragoman.dialects.openai_chat.pen import Pen
from dragoman.dialects.openai_chat.tools import write_tools

MAX_OUTPUT_MEMBER = "max_tokens"
"""Older than `max_completion_tokens`, but the one that every compatible server knows."""
SHAPE_NAME = "answer"
SHAPE_NAME_LIMIT = 64
JSON_WISH = "Answer with one JSON object and nothing else."
ONE = msgspec.Raw(b"1")

Body = dict[str, object]


def write_request(request: Request, target: Target) -> Written:
    """The body for an upstream. Raises `Trouble` (unsupported) for what must not be dropped silently."""
    pen = Pen(target, request.dialect)
    refuse_connectors(request, pen)
    body: Body = {"model": target.model}
    shape, instruction = _shape(request.output_shape, pen)
    tools = write_tools(request, pen)
    body["messages"] = write_messages(request, pen, instruction)
    body.update(pen.kept(request.extras))
    if body.get("n", ONE) != ONE:
        raise refuse(
            Kind.UNSUPPORTED,
            "The request asks for several answers ('n'), but must be written anew for this upstream, and only one "
            "could be translated. Ask for one, several times if need be.",
            param="n",
        )
    body |= tools
    if shape is not None:
        body["response_format"] = shape
    _limit(request, body, pen)
    body |= write_effort(request.reasoning, pen)
    _sampling(request, body, pen)
    local = _stop(request, body, pen)
    write_identity(request, body, pen)
    _stream(target, body)
    for member in target.habits.drop_members:
        if body.pop(member, None) is not None:
            pen.lose(member, "The upstream must not be sent this member.", "dropped")
    body.update(target.habits.extra_body)
    return Written(
        encoded(body, pen), (*request.losses, *pen.losses), pen.names.changed, local, frozenset(pen.text_tools)
    )


def _limit(request: Request, body: Body, pen: Pen) -> None:
    habits = pen.habits
    wished = request.max_output
    if wished is None:
        return
    if habits.max_output_limit is not None and wished > habits.max_output_limit:
        pen.lose("max_output", "The upstream generates fewer tokens at most; its limit was sent.")
        wished = habits.max_output_limit
    body[habits.max_output_member or MAX_OUTPUT_MEMBER] = wished


def _sampling(request: Request, body: Body, pen: Pen) -> None:
    wished = request.sampling
    for member, value in (
        ("temperature", wished.temperature),
        ("top_p", wished.top_p),
        ("frequency_penalty", wished.frequency_penalty),
        ("presence_penalty", wished.presence_penalty),
    ):
        if value is not None:
            if pen.habits.sampling_refused:
                pen.lose(member, "The model takes no sampling members.", "dropped")
            else:
                body[member] = value
    if wished.seed is not None:
        body["seed"] = wished.seed
    if wished.top_k is not None:
        if pen.habits.top_k and not pen.habits.sampling_refused:
            body["top_k"] = wished.top_k
        else:
            pen.lose("top_k", "The upstream does not know top_k.", "dropped")


def _stop(request: Request, body: Body, pen: Pen) -> tuple[str, ...]:
    """Writes `stop`, always as a list; gives the sequences that are left to be enforced here."""
    wished = tuple(dict.fromkeys(text for text in request.stop if text))
    limit = len(wished) if pen.habits.stop_limit is None else pen.habits.stop_limit
    if wished[:limit]:
        body["stop"] = list(wished[:limit])
    if wished[limit:]:
        pen.lose("stop", "The upstream takes fewer stop sequences; the rest is enforced by this gateway.")
    return wished[limit:]


def _stream(target: Target, body: Body) -> None:
    """`stream` only where it is true; usage is always asked for, for every client is told it."""
    if not target.stream:
        body.pop("stream_options", None)
        return
    body["stream"] = True
    if target.habits.stream_usage:
        options = body.get("stream_options")
        known = msgspec.json.decode(options, type=dict[str, object]) if isinstance(options, msgspec.Raw) else {}
        body["stream_options"] = {**known, "include_usage": True}
    else:
        body.pop("stream_options", None)


def _shape(shape: OutputShape | None, pen: Pen) -> tuple[object, str]:
    """The value of `response_format`, and what the system message must say in its place or beside it."""
    if shape is None:
        return None, ""
    extras = dict(pen.kept(shape.extras, "output_shape"))
    forms = pen.habits.output_shapes
    if shape.kind == "json_schema" and "json_schema" in forms:
        told: dict[str, object] = {"name": ToolNames(SHAPE_NAME_LIMIT).sent(shape.name or SHAPE_NAME)}
        if shape.description is not None:
            told["description"] = shape.description
        if shape.schema is not None:
            told["schema"] = shape.schema
        if shape.strict is not None:
            told["strict"] = shape.strict
        return {"type": "json_schema", "json_schema": {**told, **extras}}, ""
    if shape.kind == "json_object" and "json_object" in forms:
        # OpenAI answers 400 where no message holds the word JSON; clients of this wire know that, others do not.
        return {"type": "json_object", **extras}, "" if pen.own else JSON_WISH
    pen.lose("output_shape", "The upstream cannot be held to this form; it is asked for in the system message.")
    instruction = JSON_WISH
    if shape.schema is not None:
        instruction += f" It must match this JSON Schema:\n{bytes(shape.schema).decode('utf-8', 'replace')}"
    return ({"type": "json_object"} if "json_object" in forms else None), instruction
