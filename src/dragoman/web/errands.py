"""What clients ask that is no conversation, read as far as it must be to be routed: which model is asked."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from dragoman.canon import splice
from dragoman.canon.multipart import field_text, is_form
from dragoman.canon.problem import Kind, Trouble, refuse
from dragoman.canon.request import Request, Text, Turn
from dragoman.dialects.base import Dialect
from dragoman.relay.prepare import Errand
from dragoman.web.routes import Door

JSON_TYPE = "application/json"


def read_errand(
    door: Door, dialect: Dialect, kin: frozenset[str], headers: Mapping[str, str], body: bytes
) -> tuple[Request, Errand]:
    """The errand, and a request that says what routing must know of it. Raises `Trouble` (invalid_request)."""
    content_type = headers.get("content-type") or JSON_TYPE
    model = door.model or _model(body, content_type) or door.route.model
    if not model:
        raise refuse(
            Kind.INVALID_REQUEST,
            "The request was read but 'model' is missing. Add it and send the request again.",
            param="model",
        )
    if door.route.reads:
        request = dialect.read_request(body)
        return request, Errand(path=door.route.path, content_type=content_type, kin=kin, sealed=True)
    embedder = dialect.embedders.get(door.route.path)
    wish, untold = None, None
    if embedder and embedder.read_wish and not is_form(content_type):
        try:
            wish = embedder.read_wish(body)
        except Trouble as trouble:  # an upstream of the same dialect may know what to make of it
            untold = trouble.problem
    turns = (Turn("user", tuple(Text(text) for text in wish.texts)),) if wish else ()
    errand = Errand(path=door.route.path, content_type=content_type, kin=kin, embedding=wish, untold=untold)
    return Request(dialect=dialect.name, model=model, turns=turns), errand


def _model(body: bytes, content_type: str) -> str:
    """The model that a body names; empty where it names none."""
    if is_form(content_type):
        return field_text(body, content_type, "model")
    splice.check_once(body)
    raw = splice.members(body).get("model")
    try:
        return "" if raw is None else msgspec.json.decode(raw, type=str).removeprefix("models/")
    except msgspec.DecodeError:
        return ""
