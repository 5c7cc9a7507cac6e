"""The doors of errands, as the vendors' own SDKs use them."""

from __future__ import annotations

import io
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import openai
import pytest
from google import genai
from google.genai import types

from tests.faults.gateway import Served, channel
from tests.web.stage import ASKED, ask

VECTORS = {"hello": [1.0, 0.5], "world": [0.25, -2.0]}
SOUND = bytes(range(256)) * 300


class _Vendor(BaseHTTPRequestHandler):
    """A vendor of vectors, moderation and sounds, in two dialects."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        """Answers one errand."""
        body = self.rfile.read(int(self.headers["content-length"]))
        match self.path:
            case "/v1/embeddings":
                self._say_json(_openai_vectors(json.loads(body)))
            case path if path.endswith(":batchEmbedContents"):
                asked = [each["content"]["parts"][0]["text"] for each in json.loads(body)["requests"]]
                self._say_json({"embeddings": [{"values": VECTORS[text]} for text in asked]})
            case "/v1/moderations":
                self._say_json({"id": "modr_1", "model": "m", "results": []})
            case "/v1/audio/speech":
                self._say("audio/mpeg", SOUND)
            case "/v1/audio/transcriptions":
                assert b'name="model"\r\n\r\nstandin-large\r\n' in body
                assert SOUND in body
                self._say_json({"text": "hello"})
            case _:
                self.send_error(404)

    def _say_json(self, value: object) -> None:
        self._say("application/json", json.dumps(value).encode())

    def _say(self, content_type: str, body: bytes) -> None:
        self.send_response(200)
        self.send_header("content-type", content_type)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing."""


def _openai_vectors(asked: dict[str, Any]) -> dict[str, Any]:
    """Tokens are known to its model, whose first two they are."""
    texts = [asked["input"]] if isinstance(asked["input"], str) else asked["input"]
    known = [[*VECTORS][text[0]] if isinstance(text, list) else text for text in texts]
    data = [{"object": "embedding", "index": at, "embedding": VECTORS[text]} for at, text in enumerate(known)]
    usage = {"prompt_tokens": len(texts), "total_tokens": len(texts)}
    return {"object": "list", "data": data, "model": asked["model"], "usage": usage}


@contextmanager
def vendor(served: Served, dialect: str) -> Iterator[None]:
    """Such a vendor behind the gateway."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Vendor)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        served.stand(channel("first", dialect, f"http://127.0.0.1:{server.server_port}"))
        yield
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def chat(served: Served) -> Iterator[openai.OpenAI]:
    """OpenAI's SDK before the gateway."""
    with openai.OpenAI(base_url=f"{served.url}/v1", api_key="key", max_retries=0) as client:
        yield client


@pytest.mark.parametrize("dialect", ["openai_chat", "openai_responses", "gemini"])
def test_openais_sdk_gets_its_vectors(served: Served, chat: openai.OpenAI, dialect: str) -> None:
    with vendor(served, dialect):
        found = chat.embeddings.create(model=ASKED, input=["hello", "world"])

    assert [each.embedding for each in found.data] == [VECTORS["hello"], VECTORS["world"]]


@pytest.mark.parametrize("dialect", ["openai_chat", "gemini"])
def test_googles_sdk_gets_its_vectors(served: Served, dialect: str) -> None:
    client = genai.Client(api_key="key", http_options=types.HttpOptions(base_url=served.url))
    with vendor(served, dialect):
        found = client.models.embed_content(model=ASKED, contents=["hello", "world"])  # type: ignore[arg-type]  # list is invariant

    assert found.embeddings is not None
    assert [each.values for each in found.embeddings] == [VECTORS["hello"], VECTORS["world"]]


def test_sounds_go_both_ways(served: Served, chat: openai.OpenAI) -> None:
    with vendor(served, "openai_chat"):
        spoken = chat.audio.speech.create(model=ASKED, input="hello", voice="alloy").read()
        recording = ("hello.mp3", io.BytesIO(SOUND), "audio/mpeg")
        heard = chat.audio.transcriptions.create(model=ASKED, file=recording)

    assert spoken == SOUND
    assert heard.text == "hello"


def test_words_are_moderated(served: Served, chat: openai.OpenAI) -> None:
    with vendor(served, "openai_chat"):
        assert chat.moderations.create(model=ASKED, input="hello").id == "modr_1"


@pytest.mark.parametrize("path", ["/v1/embeddings", "/openai/v1/embeddings", "/embeddings"])
def test_a_wish_without_a_model_is_refused(served: Served, path: str) -> None:
    answer = ask(served, path, {"input": "hello"})

    assert answer.status == 400
    assert answer.json["error"]["param"] == "model"


def test_tokens_pass_to_a_vendor_that_knows_them(served: Served, chat: openai.OpenAI) -> None:
    with vendor(served, "openai_chat"):
        found = chat.embeddings.create(model=ASKED, input=[[0], [1]])

    assert [each.embedding for each in found.data] == [VECTORS["hello"], VECTORS["world"]]


def test_tokens_are_refused_where_they_would_have_to_be_told_in_another_dialect(served: Served) -> None:
    with vendor(served, "gemini"):
        answer = ask(served, "/v1/embeddings", {"model": ASKED, "input": [[1, 2, 3]]})

    assert answer.status == 400
    assert answer.json["error"]["param"] == "input"
