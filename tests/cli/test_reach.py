"""What asking upstreams for their models finds, over real connections to canned answers."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from email.utils import formatdate

import pytest
from msgspec.structs import replace

from dragoman.cli.findings import Finding
from dragoman.cli.reach import of_channels, wanted_models
from dragoman.net.transport import open_transport
from dragoman.providers.catalog import catalog
from dragoman.routing.profile import Profile, Rule, RuleTarget
from dragoman.routing.snapshot import Channel, Mapping3, Snapshot
from dragoman.shapes.secret import Secret

ROWS = catalog()
Act = Callable[[str], Awaitable[list[Finding]]]


def found(
    answer: bytes, models: tuple[str, ...] = (), provider: str = "openai-compatible", key: str = "k"
) -> tuple[list[Finding], bytes]:
    """The findings on one channel whose upstream gives this answer, and what it was asked."""
    asked = bytearray()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        asked.extend(await reader.readuntil(b"\r\n\r\n"))
        writer.write(answer)
        await writer.drain()
        writer.close()

    async def whole() -> list[Finding]:
        server = await asyncio.start_server(serve, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        channel = Channel(
            name="a",
            provider=provider,
            dialect=ROWS[provider].dialect,
            base_url=f"http://127.0.0.1:{port}/v1",
            api_key=Secret(key),
            models=models,
            headers={"X-Team": "t"},
        )
        async with server, open_transport({}) as transport:
            return await of_channels(Snapshot(channels=(channel,)), ROWS, transport)

    return asyncio.run(whole()), bytes(asked)


def http(status: str, body: bytes = b"", headers: str = "") -> bytes:
    """A whole HTTP answer."""
    return f"HTTP/1.1 {status}\r\ncontent-length: {len(body)}\r\n{headers}\r\n".encode() + body


LIST = b'{"data":[{"id":"qwen3-coder:latest"},{"id":"deepseek-chat"}]}'


def test_a_list_that_names_folders_is_read_too() -> None:
    body = b'{"models":[{"name":"models/gemini-x"},{"name":"models/gemini-y"}]}'
    findings, asked = found(http("200 OK", body), ("gemini-x", "gemini-z"), "gemini-compatible")
    assert asked.startswith(b"GET /v1/models?pageSize=1000 HTTP/1.1")
    assert b"x-goog-api-key: k" in asked.lower()
    assert [finding.grade for finding in findings] == ["fine", "warning"]
    assert "gemini-z" in findings[1].what


def test_a_list_of_a_publisher_s_is_asked_with_the_token_and_belongs_to_no_project() -> None:
    body = b'{"publisherModels":[{"name":"publishers/google/models/gemini-x"}]}'
    findings, asked = found(http("200 OK", body), ("gemini-x", "gemini-z"), "vertex", "ya29.t")
    assert asked.startswith(b"GET /v1/publishers/google/models?pageSize=1000 HTTP/1.1")
    assert b"authorization: bearer ya29.t" in asked.lower()
    assert [finding.grade for finding in findings] == ["fine", "warning"]
    assert "gemini-z" in findings[1].what


def test_a_token_that_opens_no_list_is_no_bad_key() -> None:
    findings, _ = found(http("403 Forbidden"), provider="vertex", key="ya29.t")
    assert [finding.grade for finding in findings] == ["note"]
    assert "takes the key" in findings[0].what


def test_a_sound_channel_is_fine() -> None:
    findings, asked = found(http("200 OK", LIST), ("qwen3-coder", "deepseek-chat"))

    assert [finding.grade for finding in findings] == ["fine"]
    assert asked.startswith(b"GET /v1/models HTTP/1.1\r\n")
    assert b"authorization: bearer k\r\n" in asked.lower()
    assert b"x-team: t" in asked.lower()


def test_a_model_that_is_not_listed_is_told_with_the_nearest() -> None:
    findings, _ = found(http("200 OK", LIST), ("deepseek-chad",))

    assert findings[1] == Finding(
        "channel a",
        "warning",
        "Its upstream does not list the model 'deepseek-chad'.",
        "Did you mean 'deepseek-chat'?",
    )


ANSWERS = {
    "refused key": (http("401 Unauthorized"), "error", "refused the key (401)"),
    "no such path": (http("404 Not Found"), "note", "lists no models"),
    "an overloaded server": (http("503 Busy"), "warning", "an error (503)"),
    "a list that is none": (http("200 OK", b"<html>"), "fine", "answers and takes the key"),
    "a list of something else": (http("200 OK", b'{"data":[1]}'), "fine", "answers and takes the key"),
    "no HTTP at all": (b"hello\r\n\r\n", "error", "not HTTP"),
    "nothing": (b"", "error", "without an answer"),
}


@pytest.mark.parametrize("case", ANSWERS)
def test_the_doctor_grades(case: str) -> None:
    answer, grade, words = ANSWERS[case]

    findings, _ = found(answer)

    assert findings[0].grade == grade
    assert words in findings[0].what
    assert grade == "fine" or findings[0].remedy


def test_a_provider_without_a_list_is_still_reached() -> None:
    findings, _ = found(http("404 Not Found"), provider="azure")

    assert [finding.grade for finding in findings] == ["note"]


def test_a_token_that_is_refused_is_told_with_its_remedy() -> None:
    findings, asked = found(http("400 Bad Request", b'{"code":7,"message":"scope"}'), provider="gigachat", key="u:p")

    assert asked.startswith(b"POST /v1/token HTTP/1.1")
    assert [finding.grade for finding in findings] == ["error"]
    assert "options.scope" in findings[0].remedy


def test_a_clock_that_is_wrong_is_told() -> None:
    findings, _ = found(http("200 OK", LIST, f"date: {formatdate(0, usegmt=True)}\r\n"))

    assert findings[-1].about == "clock"


def test_a_clock_that_is_right_is_not() -> None:
    findings, _ = found(http("200 OK", LIST, f"date: {formatdate(usegmt=True)}\r\n"))

    assert [finding.about for finding in findings] == ["channel a"]


def test_wanted_are_listed_targeted_and_mapped_models() -> None:
    channel = Channel(name="a", provider="ollama", dialect="x", base_url="http://h", models=("m",))
    rule = Rule(model="x", targets=(RuleTarget("a", "t"), RuleTarget("b", "other")))
    snapshot = Snapshot(
        channels=(channel,), profiles=(Profile("p", (rule,)),), mapping=Mapping3(big="b", middle="b", small="s")
    )

    assert wanted_models(snapshot, "a") == {"m", "t", "b", "s"}
    assert wanted_models(replace(snapshot, channels=(channel, replace(channel, name="b"))), "a") == {"m", "t"}
