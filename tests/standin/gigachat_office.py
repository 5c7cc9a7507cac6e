"""What stands beside GigaChat's chat: the token endpoint, files, token counts, and the check of functions.

Source: developers.sber.ru, POST /api/v2/oauth, /files, /tokens/count, /functions/validate; the SDK 0.2.3; read
2026-11-20.
"""

from __future__ import annotations

import base64
import hashlib
import re
import time
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs
from uuid import UUID

from tests.standin.gigachat_check import IMAGES, function_problems, need
from tests.standin.voice import Refused

if TYPE_CHECKING:
    from tests.standin.routes import Route
    from tests.standin.server import Seen, StandIn

Json = dict[str, Any]

SCOPES = ("GIGACHAT_API_PERS", "GIGACHAT_API_B2B", "GIGACHAT_API_CORP")
DOCUMENTS = ("text/plain", "application/pdf", "application/msword", "application/epub")
IMAGE_LIMIT = 15 * 1024 * 1024


class Office:
    """Tokens given out and files taken in. Mutable: that is its purpose."""

    def __init__(self, life_s: float = 1800.0) -> None:
        self.life_s = life_s
        self.scope = SCOPES[0]
        """The scope that the key is for."""
        self.issued: list[str] = []
        """Every token so far."""
        self.files: dict[str, str] = {}
        """The types of files, by id."""
        self._live: dict[str, float] = {}

    def expire(self) -> None:
        """Makes every token stale, before the time that was told."""
        self._live.clear()

    def issue(self) -> Json:
        """A new token."""
        token = f"standin-token-{len(self.issued) + 1}"
        end = time.time() + self.life_s
        self.issued.append(token)
        self._live[token] = end
        return {"access_token": token, "expires_at": int(end * 1000)}

    def check(self, header: str) -> None:
        """Refuses a request without a live token."""
        token = header.removeprefix("Bearer ")
        if token not in self.issued:
            raise Refused("Unauthorized", None, 401)
        if self._live.get(token, 0) <= time.time():
            raise Refused("Token has expired", None, 401)

    def take(self, raw: bytes, content_type: str) -> Json:
        """Takes a file in."""
        boundary = re.search(r'boundary="?([^";]+)', content_type)
        need(boundary, "content type must be multipart/form-data", 400)
        fields: dict[str, tuple[str, str, bytes]] = {}
        for part in raw.split(b"--" + boundary[1].encode())[1:-1] if boundary else []:
            head, _, data = part.removeprefix(b"\r\n").partition(b"\r\n\r\n")
            told = head.decode("utf-8", "replace")
            name = re.search(r'name="([^"]*)"', told)
            file = re.search(r'filename="([^"]*)"', told)
            kind = re.search(r"(?i)content-type: *([\w/.+-]+)", told)
            fields[name[1] if name else ""] = (
                file[1] if file else "",
                kind[1] if kind else "",
                data.removesuffix(b"\r\n"),
            )
        need("file" in fields, "file is required", 400)
        name_of, kind_of, data = fields["file"]
        need(name_of and kind_of in (*IMAGES, *DOCUMENTS), f"type {kind_of} is not supported", 400)
        need(len(data) <= IMAGE_LIMIT, "Payload too large", 413)
        need(fields.get("purpose", ("", "", b""))[2] == b"general", "purpose is invalid", 400)
        made = str(UUID(bytes=hashlib.sha256(data + str(len(self.files)).encode()).digest()[:16]))
        self.files[made] = kind_of
        return self._card(made, name_of, len(data))

    def _card(self, file: str, name: str, size: int) -> Json:
        return {
            "id": file,
            "object": "file",
            "bytes": size,
            "created_at": 1795132800,
            "filename": name,
            "purpose": "general",
            "access_policy": "private",
        }


def check_bearer(standin: StandIn, seen: Seen) -> None:
    """Refuses a request without a live token, where the stand-in has a key at all."""
    if standin.api_key is not None:
        standin.office.check(seen.header("authorization") or "")


def office_body(standin: StandIn, route: Route, seen: Seen) -> Any:
    """The answer of a side route."""
    if seen.path.endswith("/oauth"):
        return _token(standin, seen)
    if seen.path.endswith("/token"):
        issued = standin.office.issue()
        return {"tok": issued["access_token"], "exp": issued["expires_at"]}
    check_bearer(standin, seen)
    models = standin.models or ("GigaChat-2-Max", "GigaChat-2")
    if route.deployment:
        need(route.deployment in models, "No such model", 404)
        return gigachat_model(route.deployment)
    if seen.path.endswith("/models"):
        return {"object": "list", "data": [*map(gigachat_model, models), gigachat_model("Embeddings", "embedder")]}
    if seen.path.endswith("/files"):
        return standin.office.take(seen.raw, seen.header("content-type") or "")
    if seen.path.endswith("/functions/validate"):
        return _verdict(seen.body, any_schema="json_schema" in standin.rules.allow)
    body = seen.body if isinstance(seen.body, dict) else {}
    need(
        isinstance(body.get("input"), list) and isinstance(body.get("model"), str), "input and model are required", 400
    )
    need(standin.models is None or body["model"] in standin.models, "No such model", 404)
    return [{"object": "tokens", "tokens": len(text) // 4 + 1, "characters": len(text)} for text in body["input"]]


def _token(standin: StandIn, seen: Seen) -> Json:
    """A token for the key and scope; the refusals are the vendor's, with `code` in place of `status`."""
    try:
        UUID(seen.header("rquid") or "")
    except ValueError:
        raise Refused("rquid is invalid", None, 400, "4") from None
    scope = parse_qs(seen.raw.decode("latin-1")).get("scope", [""])[0]
    if not scope:
        raise Refused("scope is empty", None, 400, "5")
    if scope not in SCOPES:
        raise Refused("scope data format invalid", None, 400, "1")
    key = (seen.header("authorization") or "").removeprefix("Basic ")
    try:
        known = b":" in base64.b64decode(key, validate=True) and standin.api_key in (None, key)
    except ValueError:
        known = False
    if not known:
        raise Refused("credentials doesn't match db data", None, 401, "6")
    if scope != standin.office.scope:
        raise Refused("scope from db not fully includes consumed scope", None, 400, "7")
    return standin.office.issue()


def _verdict(function: Any, *, any_schema: bool) -> Json:
    problems = list(function_problems(function, any_schema=any_schema))
    return {
        "status": 200,
        "message": "Function is invalid" if problems else "Function is valid",
        "json_ai_rules_version": "1.0.5",
        "errors": [{"description": each, "schema_location": "(root)"} for each in problems],
        "warnings": [],
    }


def gigachat_model(name: str, kind: str = "chat") -> Json:
    """A model as the vendor lists it."""
    return {"id": name, "object": "model", "owned_by": "salutedevices", "type": kind}
