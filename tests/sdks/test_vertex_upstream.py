"""Anthropic's SDK on Vertex AI: the token of a service account is fetched once, and the answer is what was meant."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import anthropic
import pytest
from cryptography.hazmat.primitives.asymmetric.rsa import generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from tests.clients.gateway import Upstream, gateway
from tests.sdks.stage import REPLY, TOOL_SCHEMA
from tests.standin import StandIn

MODEL = "gemini-3.8-flash"
TOOLS: list[Any] = [{"name": name, "description": name, "input_schema": TOOL_SCHEMA} for name in ("Write", "Bash")]
HELLO: list[Any] = [{"role": "user", "content": "hello"}]
PLACE = "/v1beta1/projects/my-project/locations/europe-west4/publishers/google/models"


@contextmanager
def office(asked: list[bytes]) -> Iterator[str]:
    """Gives tokens, numbered; `asked` grows by each request's body."""

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked.append(self.rfile.read(int(self.headers["content-length"])))
            body = json.dumps({"access_token": f"ya29.{len(asked)}", "expires_in": 3599}).encode()
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}/token"
        server.shutdown()
        thread.join()


def credentials(file: Path, token_url: str) -> Path:
    """A service account's file."""
    key = generate_private_key(65537, 2048).private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    members = {"type": "service_account", "client_email": "g@p", "private_key": key.decode(), "token_uri": token_url}
    file.write_text(json.dumps(members))
    return file


@pytest.mark.timeout(60)
def test_a_service_account_asks_vertex_in_its_region(tmp_path: Path) -> None:
    asked: list[bytes] = []
    with office(asked) as token_url, StandIn(dialects=("gemini",), models=(MODEL,)) as upstream:
        settings = (
            ("api_key", f"file:{credentials(tmp_path / 'key.json', token_url)}"),
            ("options", {"project": "my-project", "location": "europe-west4"}),
        )
        channel = Upstream(url=upstream.url, provider="vertex", models=(MODEL,), settings=settings)
        with (
            gateway(tmp_path / "gateway", channel) as door,
            anthropic.Anthropic(base_url=door.url, api_key="key", max_retries=0) as client,
        ):
            for stream in (True, False):
                upstream.script(REPLY)
                wish: dict[str, Any] = {"model": MODEL, "max_tokens": 1000, "messages": HELLO, "tools": TOOLS}
                if stream:
                    with client.messages.stream(**wish) as events:
                        message = events.get_final_message()
                else:
                    message = client.messages.create(**wish)
                calls = [block for block in message.content if block.type == "tool_use"]
                assert [(call.name, call.input) for call in calls] == [
                    (call.name, json.loads(call.arguments)) for call in REPLY.calls
                ]
            counted = client.messages.count_tokens(model=MODEL, messages=HELLO, tools=TOOLS, system="Be brief.")
        assert counted.input_tokens > 10
        assert [seen.path for seen in upstream.requests] == [
            f"{PLACE}/{MODEL}:streamGenerateContent",
            f"{PLACE}/{MODEL}:generateContent",
        ]
        assert [seen.path for seen in upstream.side_requests] == [f"{PLACE}/{MODEL}:countTokens"]
        every = [*upstream.requests, *upstream.side_requests]
        assert [seen.refused for seen in every] == [None] * 3
        assert {seen.header("authorization") for seen in every} == {"Bearer ya29.1"}
    assert len(asked) == 1
