"""A request as a body that the vendor accepts.

Theory: the body is built from the neutral request member by member and encoded once at the end, in UTF-8 and not in
ASCII escapes, which would make Cyrillic six times as long. What the upstream cannot be told is recorded as a loss.
Members of this dialect that the reader did not take (`flags`, `profanity_check`, `update_interval`, `storage`, …) are
sent again; those of another dialect are losses.

Normal form of a body that came in on this wire: members that are null or an empty list of functions are left out.
Source: developers.sber.ru, POST /chat/completions, read 2026-11-20.
"""

from __future__ import annotations

from collections.abc import Callable

from msgspec import Raw

from dragoman.canon.request import OutputShape, Reasoning, Request
from dragoman.canon.schema import lower
from dragoman.dialects.base import Target, Written
from dragoman.dialects.encoding import encoded
from dragoman.dialects.gigachat.functions import Offer, offer_of, write_functions
from dragoman.dialects.gigachat.messages import write_messages
from dragoman.dialects.gigachat.pen import Pen
from dragoman.dialects.gigachat.wire import PLAIN, V1, Message, Version

BUDGETS = ((4096, "low"), (16384, "medium"))
"""Up to so many tokens of thinking mean this effort; more is `high`. A budget has no exact word."""
COLDEST = 0.001
"""Temperatures up to here mean that chance is off, which this wire says as `top_p` 0; it refuses a temperature of 0."""


def write_request(request: Request, target: Target) -> Written:
    """The body for an upstream. Raises `Trouble` (unsupported) for tools that only another vendor runs."""
    return written_as(V1, write_functions, _arranged)(request, target)


def _arranged(body: Message, pen: Pen) -> Message:
    """The body without what only version 2 knows."""
    if body.pop("parallel_tool_calls", None):
        pen.lose("parallel_tools", "Version 1 of the API has one call in a message; choose `api` v2.", "dropped")
    return body


def written_as(
    version: Version, say_offer: Callable[[Offer, Pen], Message], arranged: Callable[[Message, Pen], Message]
) -> Callable[[Request, Target], Written]:
    """A writer of requests for one version: `say_offer` makes its members of the tools, `arranged` its body of ours."""

    def write(request: Request, target: Target) -> Written:
        pen = Pen(target, request.dialect, request.losses, version)
        body = arranged(_body(request, say_offer, pen), pen)
        stops = tuple(dict.fromkeys(text for text in request.stop if text))
        if stops:
            pen.lose("stop", "The wire knows no stop sequences; they are enforced by this gateway.")
        return Written(
            encoded(body, pen),
            pen.losses,
            pen.names.changed,
            stops,
            text_tools=frozenset(pen.text_tools),
            lowered=pen.lowered,
            functions=pen.functions if pen.habits.leaked_calls else {},
        )

    return write


def _body(request: Request, say_offer: Callable[[Offer, Pen], Message], pen: Pen) -> Message:
    """All members of the body, in version 1's places but for the tools."""
    target = pen.target
    body: Message = {"model": target.model}
    offer = offer_of(request, pen)
    shape, form = _shape(request.output_shape, pen)
    body["messages"] = write_messages(request, pen, "\n\n".join(filter(None, (form, offer.demand))))
    body |= say_offer(offer, pen)
    if shape is not None:
        body["response_format"] = shape
    _limit(request, body, pen)
    _sampling(request, body, pen)
    body |= _effort(request.reasoning, pen)
    _leave_out(request, pen)
    if target.stream:
        body["stream"] = True
    body = dict(pen.kept(request.extras)) | body
    for member in target.habits.drop_members:
        if body.pop(member, None) is not None:
            pen.lose(member, "The upstream must not be sent this member.", "dropped")
    body.update(target.habits.extra_body)
    return body


def _limit(request: Request, body: Message, pen: Pen) -> None:
    wished, most = request.max_output, pen.habits.max_output_limit
    if wished is None:
        return
    if most is not None and wished > most:
        pen.lose("max_output", "The upstream generates fewer tokens at most; its limit was sent.")
        wished = most
    body[pen.habits.max_output_member or "max_tokens"] = wished


def _sampling(request: Request, body: Message, pen: Pen) -> None:
    """Knobs of the sampler as far as the wire has them."""
    wished = request.sampling
    for member, value in (
        ("top_k", wished.top_k),
        ("seed", wished.seed),
        ("frequency_penalty", wished.frequency_penalty),
        ("presence_penalty", wished.presence_penalty),
    ):
        if value is not None:
            pen.lose(member, "The wire has no such member.", "dropped")
    if pen.habits.sampling_refused:
        if wished.temperature is not None or wished.top_p is not None:
            pen.lose("sampling", "The model takes no sampling members.", "dropped")
    elif wished.temperature is not None and wished.temperature <= COLDEST and not pen.own:
        pen.lose("temperature", "The wire takes no temperature of 0; `top_p` 0 was sent, which means the same.")
        body["top_p"] = 0
    else:
        body |= {} if wished.temperature is None else {"temperature": wished.temperature}
        body |= {} if wished.top_p is None else {"top_p": wished.top_p}


def _effort(reasoning: Reasoning, pen: Pen) -> Message:
    """The member that tells how much to think, for models that do."""
    pen.kept(reasoning.extras, "reasoning")
    if reasoning.display is not None:
        pen.lose("reasoning.display", "This wire cannot be told how to show thinking.", "dropped")
    if reasoning.mode is None and reasoning.effort is None and reasoning.budget is None:
        return {}
    if pen.own:
        return {} if reasoning.effort is None else {"reasoning_effort": reasoning.effort}
    if not pen.habits.effort:
        pen.lose("reasoning", "The model cannot be told how much to think.", "dropped")
        return {}
    efforts = pen.version.efforts
    if reasoning.mode == "off":
        if efforts["none"] == efforts["low"]:
            pen.lose("reasoning.mode", "The model cannot be told not to think; the least effort is asked for.")
        return {"reasoning_effort": efforts["none"]}
    word = reasoning.effort
    if word is None and reasoning.budget is not None:
        pen.lose("reasoning.budget", "The wire takes a word of effort instead of a number of tokens.")
        word = next((word for most, word in BUDGETS if reasoning.budget <= most), "high")
    if word is None:
        return {}
    known = efforts.get(word, efforts["max"])
    if known not in (word, "off"):
        pen.lose("reasoning.effort", "The wire does not know this word of effort; the nearest was sent.")
    return {"reasoning_effort": known}


def _shape(shape: OutputShape | None, pen: Pen) -> tuple[Message | None, str]:
    """The `response_format`, or words that ask for the form where the wire cannot tell it."""
    if shape is None:
        return None, ""
    extras = pen.kept(shape.extras, "output_shape")
    if shape.kind == "json_schema" and shape.schema is not None and "json_schema" in pen.habits.output_shapes:
        told: Message = {"type": "json_schema", "schema": _schema(shape.schema, pen)}
        if shape.strict is not None:
            told["strict"] = shape.strict
        return told | dict(extras), ""
    pen.lose("output_shape", "The wire has no such form; it is asked for in the system message.")
    words = "Answer with one JSON object and nothing else."
    if shape.schema is not None:
        words += f" It must match this JSON Schema:\n{bytes(shape.schema).decode('utf-8', 'replace')}"
    return None, words


def _schema(schema: Raw, pen: Pen) -> Raw:
    if pen.own or pen.habits.json_schema:
        return schema
    lowered = lower(schema, PLAIN, arguments=False)
    for loss in lowered.losses:
        pen.lose(f"output_shape.{loss.what}", loss.why, loss.how)
    return lowered.schema


def _leave_out(request: Request, pen: Pen) -> None:
    """Wishes that have no member at all on this wire."""
    for what, wish in (("user", request.user), ("service_tier", request.service_tier)):
        if wish is not None:
            pen.lose(what, "The wire has no such member.", "dropped")
