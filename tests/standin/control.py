"""The stand-in's side routes: keys, models, token counts, and the endpoint by which another process steers it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import msgspec

from tests.standin.acts import Act, End, Head, Scene, refusal, whole
from tests.standin.ask import Ask, read_ask
from tests.standin.check_responses_items import check_items
from tests.standin.faults import Fault
from tests.standin.gigachat_office import office_body
from tests.standin.reply import Reply, Signer, Usage
from tests.standin.responders import RESPONDERS, agent_step
from tests.standin.routes import Route
from tests.standin.rules import words
from tests.standin.shape import Shape
from tests.standin.voice import Refused, Speech, Voice

if TYPE_CHECKING:
    from tests.standin.server import Seen, StandIn


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """The body of `POST /_standin/script`."""

    answers: tuple[Reply | Fault, ...] = ()
    times: int | None = 1
    """For how many requests each answer is; null is for ever."""
    with_tools: bool = False
    """Only for requests that offer tools (not for titles)."""
    at_step: int | None = None
    """Only for this step of the agent run."""
    responder: str | None = None
    """Also changes the responder: `echo` or `agent_run`."""
    cwd: str | None = None
    """Where the agent run works."""
    shape: Shape | None = None
    """Also changes the default shape."""

    def fits(self, ask: Ask) -> bool:
        return (bool(ask.tools) or not self.with_tools) and self.at_step in (None, agent_step(ask))


def check_key(api_key: str | None, dialect: str, seen: Seen) -> None:
    """Refuses a missing or wrong key when the stand-in has one."""
    if api_key is None:
        return
    bearer = (seen.header("authorization") or "").removeprefix("Bearer ")
    own = seen.header({"anthropic": "x-api-key", "gemini": "x-goog-api-key"}.get(dialect, "api-key"))
    if api_key not in (bearer, own):
        if dialect == "gemini":
            raise Refused("API key not valid. Please pass a valid API key.", None, 400, "API_KEY_INVALID")
        raise Refused("invalid x-api-key" if dialect == "anthropic" else "Incorrect API key provided", None, 401)


def side_acts(standin: StandIn, route: Route, seen: Seen, voices: dict[str, Voice]) -> Iterable[Act]:
    """The answer of every route that is not the model's."""
    voice = voices[route.dialect]
    scene = _scene(voice)
    try:
        if route.kind not in ("control", "canary") and route.dialect != "gigachat":
            check_key(standin.api_key, route.dialect, seen)
        if seen.method == "HEAD":
            return [Head(404, (("content-length", "0"),), "length"), End()]
        return whole(scene, _side_body(standin, route, seen))
    except Refused as no:
        seen.refused = no.message
        return refusal(scene, no.status, no.message, code=no.code, param=no.param)


def _side_body(standin: StandIn, route: Route, seen: Seen) -> Any:
    models = standin.models or ("standin-large", "standin-small")
    match route.kind:
        case "office":
            return office_body(standin, route, seen)
        case "count" if route.dialect == "gemini":
            return {"totalTokens": count_gemini_tokens(seen)}
        case "count" | "compact" if route.dialect == "openai_responses":
            return (count_responses_tokens if route.kind == "count" else compacted)(standin, seen)
        case "count":
            return {"input_tokens": count_tokens(seen)}
        case "models":
            return models_page(route.dialect, models)
        case "model":
            if route.deployment not in models:
                raise Refused(f"model: {route.deployment}", "model", 404)
            return model_entry(route.dialect, route.deployment)
        case "canary":
            return {"canary": True}
        case "control" if seen.path.endswith("/script"):
            return take_order(standin, seen.raw)
        case "control" if seen.path.endswith("/forget"):
            standin.forget()
            return {}
        case "control":
            return told(standin)
        case _:
            raise Refused(f"Not found: {seen.method} {seen.path}", None, 404, "not_found_error")


def count_tokens(seen: Seen) -> int:
    """Four bytes a token of everything that reaches the model."""
    if not isinstance(seen.body, dict) or "messages" not in seen.body or "model" not in seen.body:
        raise Refused("messages: Field required")
    extra = set(seen.body) & {"max_tokens", "stream", "temperature", "top_p", "stop_sequences", "metadata"}
    if extra:
        raise Refused(f"{min(extra)}: Extra inputs are not permitted")
    told_model = {name: seen.body[name] for name in ("messages", "system", "tools") if name in seen.body}
    return len(msgspec.json.encode(told_model)) // 4 + 1


def count_gemini_tokens(seen: Seen) -> int:
    """The same for a body of `countTokens`: wrapped at Google AI Studio, as it is at Vertex AI."""
    body = seen.body if isinstance(seen.body, dict) else {}
    asked = body.get("generateContentRequest", body)
    vertex = {"contents", "systemInstruction", "tools", "generationConfig", "model", "instances"}
    if unknown := body.keys() - (vertex if "/projects/" in seen.path else {"contents", "generateContentRequest"}):
        raise Refused(f'Invalid JSON payload received. Unknown name "{min(unknown)}": Cannot find field.')
    if "contents" not in asked:
        raise Refused("* CountTokensRequest.contents: contents is not specified")
    told_model = {name: asked[name] for name in ("contents", "systemInstruction", "tools") if name in asked}
    return len(msgspec.json.encode(told_model)) // 4 + 1


def count_responses_tokens(standin: StandIn, seen: Seen) -> dict[str, Any]:
    """The same for Responses."""
    known = words(
        "conversation input instructions model parallel_tool_calls personality previous_response_id reasoning text "
        "tool_choice tools truncation"
    )
    body = seen.body if isinstance(seen.body, dict) else {}
    if extra := body.keys() - known:
        raise Refused(f"Unknown parameter: '{min(extra)}'.", min(extra), 400, "unknown_parameter")
    check_items(body.get("input", []), standin.signer, stored=True, begun=True)
    return {"object": "response.input_tokens", "input_tokens": len(seen.raw) // 4 + 1}


def compacted(standin: StandIn, seen: Seen) -> dict[str, Any]:
    """A conversation's compaction: the last message of the user, and all the rest sealed."""
    body = seen.body if isinstance(seen.body, dict) else {}
    known = words("model input instructions previous_response_id prompt_cache_key prompt_cache_retention service_tier")
    if extra := body.keys() - known:
        raise Refused(f"Unknown parameter: '{min(extra)}'.", min(extra), 400, "unknown_parameter")
    sealed = {"type": "compaction", "id": "cmp_standin", "encrypted_content": standin.signer.hide("all of it")}
    counts = {"input_tokens": len(seen.raw) // 4 + 1, "output_tokens": 10, "total_tokens": len(seen.raw) // 4 + 11}
    details = {
        "input_tokens_details": {"cached_tokens": 0, "cache_write_tokens": 0},
        "output_tokens_details": {"reasoning_tokens": 0},
    }
    answer = {"id": "resp_standin_compact", "object": "response.compaction", "created_at": 1795132800}
    return answer | {"output": [sealed], "usage": counts | details}


def model_entry(dialect: str, name: str) -> dict[str, Any]:
    if dialect == "gemini":
        methods = ["generateContent", "countTokens"]
        return {"name": f"models/{name}", "displayName": name.title(), "supportedGenerationMethods": methods}
    if dialect == "anthropic":
        return {"type": "model", "id": name, "display_name": name.title(), "created_at": "2026-01-01T00:00:00Z"}
    return {"id": name, "object": "model", "created": 1767225600, "owned_by": "standin"}


def models_page(dialect: str, names: Iterable[str]) -> dict[str, Any]:
    entries = [model_entry(dialect, name) for name in names]
    if dialect == "gemini":
        return {"models": entries}
    if dialect == "anthropic":
        return {"data": entries, "has_more": False, "first_id": entries[0]["id"], "last_id": entries[-1]["id"]}
    return {"object": "list", "data": entries}


def take_order(standin: StandIn, raw: bytes) -> dict[str, Any]:
    """Carries out an Order; says what was wrong with one that cannot be read."""
    try:
        order = msgspec.json.decode(raw, type=Order)
    except msgspec.ValidationError as problem:
        raise Refused(str(problem)) from problem
    if order.responder is not None:
        standin.responder = RESPONDERS[order.responder](order.cwd)
    if order.shape is not None:
        standin.shape = order.shape
    for answer in order.answers:
        if isinstance(answer, Fault):
            settings = msgspec.structs.asdict(answer)
            standin.fault(settings.pop("key"), times=order.times, when=order.fits, **settings)
        else:
            standin.script(answer, times=order.times, when=order.fits)
    return {"queued": len(order.answers)}


def told(standin: StandIn) -> dict[str, Any]:
    """What the stand-in remembers, as JSON."""
    requests = [
        {**msgspec.structs.asdict(seen), "raw": len(seen.raw), "usage": msgspec.to_builtins(seen.usage)}
        for seen in standin.requests
    ]
    side = [f"{seen.method} {seen.path}" for seen in standin.side_requests if seen.answered != "control"]
    return {
        "requests": requests,
        "side_requests": side,
        "canary": len(standin.canary),
        "billed": msgspec.to_builtins(standin.billed),
    }


def _scene(voice: Voice) -> Scene:
    ask = read_ask(voice.dialect, None, 0)
    return Scene(speech=Speech(ask, Reply(), Usage(), Shape(), Signer(), "side"), voice=voice)
