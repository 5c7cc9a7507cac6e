"""Which addresses the stand-in knows, and what is asked at each."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

from msgspec import Struct

from tests.standin.ask import Dialect

Kind = Literal["answer", "count", "models", "model", "control", "canary", "unknown", "office", "compact"]


class Route(Struct, frozen=True):
    """What a request's address means."""

    kind: Kind
    dialect: Dialect
    deployment: str = ""
    """Azure's, from the path; or the model asked for by `GET …/models/{id}`."""
    stream: bool = False
    """Whether the address asks for a stream, as Gemini's do."""
    version_missing: bool = False
    """Azure's older style demands `api-version` in the query."""


PREFIX = r"(?:|/v1|/api/v1|/openai/v1|/compatible-mode/v1|/api/paas/v4|/anthropic/v1|/api/anthropic/v1|/inference)"
"""The base paths of the vendors in use; anything else is a wrong address, and so answered 404."""

AZURE = r"/openai/deployments/(?P<deployment>[^/]+)"

GEMINI = r"(?:/v1beta|/v1|/v1beta1/projects/[\w-]+/locations/[\w-]+/publishers/google)/models/(?P<deployment>[^/:]+)"

GIGACHAT = r"(?:/v1|/api/v1)"

PATHS: tuple[tuple[str, str, Kind, Dialect], ...] = (
    ("POST", rf"{PREFIX}/messages", "answer", "anthropic"),
    ("POST", rf"{PREFIX}/messages/count_tokens", "count", "anthropic"),
    ("POST", rf"{PREFIX}/chat/completions", "answer", "openai_chat"),
    ("POST", rf"{AZURE}/chat/completions", "answer", "openai_chat"),
    ("POST", rf"{PREFIX}/responses", "answer", "openai_responses"),
    ("POST", rf"{PREFIX}/responses/input_tokens", "count", "openai_responses"),
    ("POST", rf"{PREFIX}/responses/compact", "compact", "openai_responses"),
    ("GET", rf"{PREFIX}/models", "models", "openai_chat"),
    ("GET", rf"{PREFIX}/models/(?P<deployment>.+)", "model", "openai_chat"),
    ("GET", rf"{PREFIX}/models", "models", "openai_responses"),
    ("GET", rf"{PREFIX}/models/(?P<deployment>.+)", "model", "openai_responses"),
    ("POST", rf"{GEMINI}:(?:generateContent|(?P<stream>streamGenerateContent))", "answer", "gemini"),
    ("POST", rf"{GEMINI}:countTokens", "count", "gemini"),
    ("GET", r"/v1beta/models", "models", "gemini"),
    ("GET", GEMINI, "model", "gemini"),
    ("POST", rf"{GIGACHAT}/chat/completions", "answer", "gigachat"),
    ("POST", r"(?:/v2|/api/v2)/chat/completions", "answer", "gigachat_v2"),
    ("GET", rf"{GIGACHAT}/models", "office", "gigachat"),
    ("GET", rf"{GIGACHAT}/models/(?P<deployment>.+)", "office", "gigachat"),
    ("POST", r"/api/v2/oauth", "office", "gigachat"),
    ("POST", rf"{GIGACHAT}/(?:token|files|tokens/count|functions/validate)", "office", "gigachat"),
    ("GET", r"/_standin/requests", "control", "openai_chat"),
    ("POST", r"/_standin/script", "control", "openai_chat"),
    ("POST", r"/_standin/forget", "control", "openai_chat"),
)


def find_route(method: str, path: str, query: str, headers: dict[str, str], dialects: Iterable[str]) -> Route:
    """The route of a request; unknown when no served dialect has it."""
    if path.startswith("/_standin/canary"):
        return Route("canary", "openai_chat")
    for known_method, pattern, kind, dialect in PATHS:
        found = re.fullmatch(pattern, path)
        if found is None or method != known_method:
            continue
        if kind in ("models", "model") and "anthropic-version" in headers:
            dialect = "anthropic"
        if kind != "control" and dialect.removesuffix("_v2") not in dialects:
            continue
        if "/deployments/" in path and "api-version=" not in query:
            return Route("unknown", dialect)
        groups = found.groupdict()
        return Route(kind, dialect, groups.get("deployment") or "", stream=bool(groups.get("stream")))
    if "gigachat" in dialects:
        return Route("unknown", "gigachat")
    return Route("unknown", "anthropic" if "anthropic-version" in headers else "openai_chat")
