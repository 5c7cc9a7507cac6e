"""The list of models, in the shape of whoever asks."""

from __future__ import annotations

from urllib.request import Request, urlopen

import pytest

from tests.faults.gateway import Served, channel
from tests.web.stage import ask

GOOGLE = {"x-goog-api-key": "mine"}
ANTHROPIC = {"anthropic-version": "2023-06-01"}
SHAPES: list[tuple[str, dict[str, str], str]] = [
    ("/v1/models", {}, "data[0].object"),
    ("/openai/v1/models", ANTHROPIC, "data[0].object"),
    ("/models", {}, "data[0].object"),
    ("/v1/models?limit=1000", ANTHROPIC, "data[0].display_name"),
    ("/anthropic/v1/models", {}, "data[0].display_name"),
    ("/v1/models", GOOGLE, "models[0].displayName"),
    ("/v1/models?key=mine", {}, "models[0].displayName"),
    ("/v1beta/models?pageSize=50", {}, "models[0].displayName"),
    ("/v1alpha/models", {}, "models[0].displayName"),
    ("/gemini/v1/models", {}, "models[0].displayName"),
]
"""Path, headers, and a member that only one shape has."""


@pytest.fixture
def listed(served: Served) -> Served:
    """A gateway whose one channel lists a model."""
    served.stand(channel("first", "openai_chat", "http://127.0.0.1:1", models=("vendor/small",)))
    return served


@pytest.mark.parametrize(("path", "headers", "member"), SHAPES)
def test_the_list_has_the_shape_of_whoever_asks(
    listed: Served, path: str, headers: dict[str, str], member: str
) -> None:
    answer = ask(listed, path, None, headers, "GET")

    holder, _, name = member.partition("[0].")
    assert answer.status == 200
    entries = answer.json[holder]
    assert all(name in entry for entry in entries)


@pytest.mark.parametrize(("path", "headers", "member"), SHAPES)
def test_one_model_has_the_same_shape(listed: Served, path: str, headers: dict[str, str], member: str) -> None:
    where, _, query = path.partition("?")
    answer = ask(listed, f"{where}/vendor/small?{query}", None, headers, "GET")
    unknown = ask(listed, f"{where}/none?{query}", None, headers, "GET")

    assert member.partition("[0].")[2] in answer.json, answer.body
    assert unknown.status == 404
    assert "error" in unknown.json
    assert ("code" in unknown.json["error"]) == (not member.endswith("display_name"))


def test_google_names_a_model_with_its_kind_in_front(listed: Served) -> None:
    entry = ask(listed, "/v1beta/models/vendor/small", None, GOOGLE, "GET").json

    assert entry["name"] == "models/vendor/small"
    assert "generateContent" in entry["supportedGenerationMethods"]


@pytest.mark.parametrize(
    ("method", "path", "takes"),
    [
        ("POST", "/v1/models", "GET"),
        ("PUT", "/v1/chat/completions", "POST"),
        ("GET", "/v1/messages", "POST"),
        ("OPTIONS", "/v1beta/models/m:generateContent", "POST"),
    ],
)
def test_a_path_asked_for_by_another_method_says_which_it_takes(
    served: Served, method: str, path: str, takes: str
) -> None:
    answer = ask(served, path, None, method=method)

    assert (answer.status, answer.headers["allow"]) == (405, takes)
    assert "no route" not in answer.json["error"]["message"]


def test_head_is_answered_as_get_without_a_body(listed: Served) -> None:
    for path in ("/v1/models", "/livez"):
        with urlopen(Request(f"http://127.0.0.1:{listed.port}{path}", method="HEAD")) as answer:
            assert (answer.status, answer.read()) == (200, b"")


def test_an_unknown_path_is_told_the_gateways_own_address(served: Served) -> None:
    answer = ask(served, "/v1/nope", {})

    assert answer.status == 404
    assert f"http://127.0.0.1:{served.port}." in answer.json["error"]["message"]
