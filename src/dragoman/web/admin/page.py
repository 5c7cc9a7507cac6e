"""The API's own description: as an OpenAPI document, and as a page for people, which needs nothing from elsewhere."""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterator, Mapping
from html import escape
from typing import Any

import msgspec
from fastapi import Response

from dragoman.web.admin.api import Api, Call
from dragoman.web.admin.wire import JSON

STYLE = (
    "body{font:16px/1.5 system-ui;max-width:60rem;margin:2rem auto;padding:0 1rem;color:#222}"
    "code{font:14px ui-monospace,monospace}h3{margin-bottom:0}pre{background:#f4f4f4;padding:1rem;overflow:auto}"
)
DIGEST = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
POLICY = f"default-src 'none'; frame-ancestors 'none'; style-src 'sha256-{DIGEST}'"
"""Nothing may be loaded or run but this very style."""


def routes(api: Api) -> None:
    """Declares the routes."""

    @api.route("GET", "/openapi.json", needs="signed_in", wide=False)
    async def document(_: Call) -> Response:
        """This API as an OpenAPI document."""
        return Response(msgspec.json.encode(api.document), 200, {}, JSON)

    @api.route("GET", "/docs", needs="signed_in", wide=False)
    async def page(_: Call) -> Response:
        """This API as a page for people."""
        headers = {"content-security-policy": POLICY}
        return Response("".join(written(api.document)), 200, headers, "text/html; charset=utf-8")


def written(document: Mapping[str, Any]) -> Iterator[str]:
    """The page that tells a document."""
    title = escape(f"{document['info']['title']} {document['info']['version']}: admin API")
    yield f"<!doctype html><html lang=en><meta charset=utf-8><title>{title}</title><style>{STYLE}</style>"
    yield f"<h1>{title}</h1>"
    for path, methods in document["paths"].items():
        for method, told in methods.items():
            yield from _operation(method.upper(), path, told)
    yield "<h2>Shapes</h2>"
    for name, schema in document["components"]["schemas"].items():
        shown = msgspec.json.format(msgspec.json.encode(schema), indent=2).decode()
        yield f'<h3 id="{escape(name)}"><code>{escape(name)}</code></h3><pre>{escape(shown)}</pre>'


def _operation(method: str, path: str, told: Mapping[str, Any]) -> Iterator[str]:
    """One route."""
    yield f"<h3><code>{escape(method)} {escape(path)}</code></h3><p>{escape(told.get('summary', ''))}"
    yield f"<br>Needs: {escape(told['x-needs'])} {escape(told['x-where'])}."
    query = [one["name"] for one in told.get("parameters", ()) if one["in"] == "query"]
    if query:
        yield f"<br>Query: <code>{escape(', '.join(query))}</code>."
    if "requestBody" in told:
        yield f"<br>Reads {_linked(told['requestBody']['content'])}."
    answers = {status: one for status, one in told["responses"].items() if status != "default"}
    for status, one in answers.items():
        yield f"<br>Tells {escape(status)} {_linked(one.get('content', {}))}"
    yield "</p>"


def _linked(content: Mapping[str, Any]) -> str:
    """The shape of a body."""
    for one in content.values():
        schema = one.get("schema", {})
        inner = schema.get("items", schema)
        name = inner.get("$ref", "").rpartition("/")[2]
        if name:
            many = "a list of " if inner is not schema else ""
            return f'{many}<a href="#{escape(name)}"><code>{escape(name)}</code></a>'
    return ""
