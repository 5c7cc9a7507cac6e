"""A request as the body of `generateContent`, and of a token count.

Theory: the body is built from the neutral request member by member and encoded once at the end; schemas and whatever
was never understood go through as raw JSON. What the upstream cannot be told is recorded as a loss. What a client of
this dialect said itself is passed on as it was, for the vendor to judge.

Source: ai.google.dev, API reference of `generateContent` and `countTokens`, and SDK 3.3, read 2026-11-20.
"""

from __future__ import annotations

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.request import OutputShape, Request
from dragoman.canon.schema import lower
from dragoman.canon.usage import count
from dragoman.dialects.base import Target, Written
from dragoman.dialects.encoding import encoded
from dragoman.dialects.gemini.content import Wire
from dragoman.dialects.gemini.contents import write_contents, write_system
from dragoman.dialects.gemini.offers import write_tools
from dragoman.dialects.gemini.pen import Pen
from dragoman.dialects.gemini.schemas import PARAMETERS
from dragoman.dialects.gemini.thinking import write_thinking

JSON_TYPE = "application/json"
TIERS = {"flex": "flex", "priority": "priority", "default": "standard", "standard_only": "standard"}
"""Service tiers by the words of other wires."""
OPENED = ("generationConfig", "toolConfig")
"""Members of the body that the reader opened; what it left of them is written where they are."""
COUNTED = ("contents", "systemInstruction", "tools", "toolConfig", "cachedContent")
"""Members that a prompt consists of."""
_OBJECT = msgspec.json.Decoder(dict[str, Raw])


def write_request(request: Request, target: Target) -> Written:
    """The body for an upstream. Raises `Trouble` (unsupported) for tools that only another vendor runs."""
    pen = Pen(target, request.dialect, request.losses)
    body, local_stops = _body(request, pen)
    return Written(
        encoded(body, pen),
        pen.losses,
        pen.names.changed,
        local_stops,
        frozenset(pen.text_tools),
        pen.lowered,
    )


def write_count(request: Request, target: Target) -> Written:
    """The body of a token count: the prompt as it would be sent, without the wishes about its answer."""
    pen = Pen(target, request.dialect, request.losses)
    body, _ = _body(request, pen)
    prompt = {name: value for name, value in body.items() if name in COUNTED}
    if not target.habits.count_wrapped:
        return Written(encoded(prompt, pen), pen.losses)
    named = {"model": f"models/{target.model.removeprefix('models/')}"}
    return Written(encoded({"generateContentRequest": named | prompt}, pen), pen.losses)


def read_count(body: bytes) -> int | None:
    """Tokens in the answer to a token count; None if it tells none. Never raises."""
    try:
        answer = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        return None
    return count(answer.get("totalTokens", answer.get("total_tokens"))) if isinstance(answer, dict) else None


def tell_count(tokens: int) -> bytes:
    """The answer to a client that asked for a token count."""
    return b'{"totalTokens":%d}' % tokens


def _body(request: Request, pen: Pen) -> tuple[Wire, tuple[str, ...]]:
    """The body, and the stop sequences that are left to be enforced here."""
    tools = write_tools(request, pen)
    shape, instruction = _shape(request.output_shape, pen, beside_tools="tools" in tools)
    body: Wire = {}
    system = write_system(request, pen, instruction)
    if system is not None:
        body["systemInstruction"] = system
    body |= tools
    body["contents"] = write_contents(request, pen)
    settings, local_stops = _settings(request, pen)
    settings |= shape
    if settings:
        body["generationConfig"] = settings
    _identity(request, body, pen)
    for name, value in pen.kept(request.extras).items():
        if name not in OPENED:
            body[name] = value
    for name in pen.habits.drop_members:
        if body.pop(name, None) is not None:
            pen.lose(name, "The upstream must not be sent this member.", "dropped")
    return body | dict(pen.habits.extra_body), local_stops


def _settings(request: Request, pen: Pen) -> tuple[Wire, tuple[str, ...]]:
    """The `generationConfig` but for the output's shape, and the stop sequences left over."""
    extras = request.extras.members if request.extras and pen.own else {}
    settings: Wire = dict(_OBJECT.decode(extras["generationConfig"])) if "generationConfig" in extras else {}
    _limit(request, settings, pen)
    _sampling(request, settings, pen)
    thinking = write_thinking(request.reasoning, pen)
    if thinking:
        settings["thinkingConfig"] = thinking
    return settings, _stop(request, settings, pen)


def _limit(request: Request, settings: Wire, pen: Pen) -> None:
    limit = pen.habits.max_output_limit
    if request.max_output is None:
        return
    if limit is not None and request.max_output > limit:
        pen.lose("max_output", "The upstream generates fewer tokens at most; its limit was sent.")
    settings["maxOutputTokens"] = request.max_output if limit is None else min(request.max_output, limit)


def _sampling(request: Request, settings: Wire, pen: Pen) -> None:
    wished = request.sampling
    for member, name in (
        ("temperature", "temperature"),
        ("topP", "top_p"),
        ("topK", "top_k"),
        ("frequencyPenalty", "frequency_penalty"),
        ("presencePenalty", "presence_penalty"),
    ):
        value = getattr(wished, name)
        if value is not None and pen.habits.sampling_refused:
            pen.lose(name, "The model takes no sampling members.", "dropped")
        elif value is not None:
            settings[member] = value
    if wished.seed is not None:
        settings["seed"] = wished.seed


def _stop(request: Request, settings: Wire, pen: Pen) -> tuple[str, ...]:
    wished = tuple(dict.fromkeys(text for text in request.stop if text))
    limit = len(wished) if pen.habits.stop_limit is None or pen.own else pen.habits.stop_limit
    if wished[:limit]:
        settings["stopSequences"] = list(wished[:limit])
    if wished[limit:]:
        pen.lose("stop", "The upstream takes fewer stop sequences; the rest is enforced by this gateway.")
    return wished[limit:]


def _identity(request: Request, body: Wire, pen: Pen) -> None:
    if request.user is not None:
        pen.lose("user", "This wire has no member that tells who asks.", "dropped")
    tier = request.service_tier
    if tier is None:
        return
    told = tier if pen.own else TIERS.get(tier)
    if told is None:
        pen.lose("service_tier", "The vendors' service tiers differ.", "dropped")
    else:
        body["serviceTier"] = told


def _shape(shape: OutputShape | None, pen: Pen, *, beside_tools: bool) -> tuple[Wire, str]:
    """Members of `generationConfig` that tell the output's shape, and what the system must say in their place."""
    if shape is None:
        return {}, ""
    extras = dict(pen.kept(shape.extras, "output_shape"))
    said: Wire = {"responseMimeType": JSON_TYPE}
    is_known = shape.kind in pen.habits.output_shapes and (pen.habits.mixed_tools or not beside_tools)
    if pen.own or is_known:
        for name in ("name", "description", "strict"):
            if getattr(shape, name) is not None:
                pen.lose(f"output_shape.{name}", "This wire has no such member.", "dropped")
        if extras.keys() & {"responseSchema", "responseJsonSchema"} or shape.schema is None:
            return said | extras, ""
        return said | _schema_of(shape.schema, pen) | extras, ""
    pen.lose("output_shape", "The upstream cannot be held to this form; it is asked for in the system instruction.")
    instruction = "Answer with one JSON object and nothing else."
    if shape.schema is not None:
        instruction += f" It must match this JSON Schema:\n{bytes(shape.schema).decode('utf-8', 'replace')}"
    return ({} if beside_tools else said), instruction


def _schema_of(schema: Raw, pen: Pen) -> Wire:
    if pen.habits.json_schema:
        return {"responseJsonSchema": schema}
    lowered = lower(schema, replace(PARAMETERS, property_characters="", property_limit=0), arguments=False)
    for loss in lowered.losses:
        pen.lose(f"output_shape.{loss.what}", loss.why, loss.how)
    return {"responseSchema": lowered.schema}
