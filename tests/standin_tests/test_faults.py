"""Every row of the fault table does what it says, in both dialects, streamed and whole."""

from __future__ import annotations

import json
import socket
import zlib
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.standin import EVERY_KIND, FAULTS, Reply, Shape, StandIn, Usage, refusing, said
from tests.standin_tests.wire import Ending, Heard, ask, listen

ENDINGS: dict[str, Ending] = {
    "F06": "unended",
    "F08": "reset",
    "F12": "unended",
    "F13": "unended",
    "F14": "unended",
    "F17": "reset",
    "F19": "unended",
    "F19.huge": "end",
    "F52.text": "reset",
    "F52.thinking": "reset",
    "F52.call": "reset",
    "F53.text": "closed",
    "F53.thinking": "closed",
    "F53.call": "closed",
    "F54": "unended",
    "F58": "unended",
}
"""How the answer ends, where it is not in good order."""

SILENT = ("F06", "F08", "F12", "F17")
"""Rows of which not even a status is heard."""

QUICK: dict[str, dict[str, Any]] = {
    "F44.bomb": {"value": "2"},
    "F56": {"wait_s": 0.001},
    "F59": {"wait_s": 0.01},
    "F43.before": {"value": "1"},
}
"""Settings that make a row cheap to test."""

CELLS = [(key, dialect, mode) for key, row in FAULTS.items() for dialect in row.dialects for mode in row.modes]


@pytest.fixture(scope="module")
def standin() -> Iterator[StandIn]:
    with StandIn(lambda _ask: EVERY_KIND) as upstream:
        yield upstream


def heard(standin: StandIn, key: str, dialect: str, mode: str, **settings: Any) -> Heard:
    standin.forget()
    standin.fault(key, **(QUICK.get(key, {}) | settings))
    silent = key in SILENT and ENDINGS[key] == "unended"
    then_s = 0.15 if ENDINGS.get(key) == "unended" else None
    return ask(standin.url, dialect, seconds=0.1 if silent else 5.0, then_s=then_s, stream=mode == "stream")


@pytest.mark.parametrize(("key", "dialect", "mode"), CELLS)
def test_a_fault_ends_as_its_row_says(standin: StandIn, key: str, dialect: str, mode: str) -> None:
    answer = heard(standin, key, dialect, mode)

    assert answer.ending == ENDINGS.get(key, "end")
    assert answer.status == (0 if key in SILENT else FAULTS[key].status or 200)


@pytest.mark.parametrize("key", sorted(FAULTS))
def test_a_fault_heals_after_its_times(standin: StandIn, key: str) -> None:
    row = FAULTS[key]
    heard(standin, key, row.dialects[0], row.modes[0])

    again = ask(standin.url, row.dialects[0], seconds=5)

    assert again.status == 200
    assert standin.requests[-1].answered == "reply"


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat"])
@pytest.mark.parametrize("kind", ["text", "thinking", "call"])
def test_what_is_cut_was_begun_and_not_finished(standin: StandIn, kind: str, dialect: str) -> None:
    whole = heard(standin, "F42.comments", dialect, "stream").body

    cut = heard(standin, f"F52.{kind}", dialect, "stream").body

    assert cut.count(b"\n\n") > 2
    for closing in (b"message_stop", b"[DONE]", b'"finish_reason":"', b'"stop_reason":"'):
        assert closing not in cut
    assert (b'"finish_reason":"tool_calls"' if dialect == "openai_chat" else b"message_stop") in whole


@pytest.mark.parametrize(("after", "deltas"), [(1, 1), (3, 3), (10_000, 12)])
def test_a_cut_comes_after_as_many_deltas_as_asked(standin: StandIn, after: int, deltas: int) -> None:
    answer = heard(standin, "F53.text", "anthropic", "stream", after=after)

    assert answer.body.count(b"text_delta") == deltas


@pytest.mark.parametrize("dialect", ["anthropic", "openai_chat"])
def test_a_data_fault_says_the_whole_truth(standin: StandIn, dialect: str) -> None:
    bare = text_of(heard(standin, "F59", dialect, "stream"), dialect)
    assert EVERY_KIND.text in bare

    for key, row in FAULTS.items():
        if row.stage != "data" or dialect not in row.dialects or key.startswith(("F42", "F50", "F36", "length")):
            continue
        assert text_of(heard(standin, key, dialect, row.modes[0]), dialect) == bare, key


def text_of(answer: Heard, dialect: str) -> str:
    """All words of a stream in the plain framing, in their order."""
    told = []
    for line in answer.body.decode().splitlines():
        if not line.startswith("data: {"):
            continue
        event = json.loads(line.removeprefix("data: "))
        deltas = [event.get("delta", {})] if dialect == "anthropic" else [c["delta"] for c in event["choices"]]
        told += [delta.get("text") or delta.get("content") or "" for delta in deltas]
    return "".join(told)


def test_a_retry_after_is_what_was_asked_for(standin: StandIn) -> None:
    assert heard(standin, "F20", "anthropic", "stream", value="7").headers["retry-after"] == "7"
    assert heard(standin, "F21", "anthropic", "stream").headers["retry-after"] == "120"
    assert "retry-after" not in heard(standin, "F22", "anthropic", "stream").headers
    assert heard(standin, "F108.nan", "openai_chat", "stream").headers["retry-after"] == "NaN"


def test_a_refusal_wears_the_dialect_s_envelope(standin: StandIn) -> None:
    anthropic = heard(standin, "F24", "anthropic", "whole").json
    chat = heard(standin, "F28.401", "openai_chat", "whole").json

    assert anthropic["type"] == "error"
    assert anthropic["error"] == {"type": "overloaded_error", "message": "Overloaded"}
    assert chat["error"]["code"] == "invalid_api_key"


def test_a_redirect_to_the_canary_is_noticed(standin: StandIn) -> None:
    answer = heard(standin, "F35.307", "openai_chat", "whole")
    assert not standin.canary

    ask(standin.url, "openai_chat", path=answer.headers["location"].removeprefix(standin.url))

    assert len(standin.canary) == 1


def test_a_bomb_is_small_on_the_wire_and_large_in_hand(standin: StandIn) -> None:
    answer = heard(standin, "F44.bomb", "anthropic", "stream", value="8")

    assert len(answer.body) < 100_000
    assert len(zlib.decompress(answer.body, wbits=31)) == 8 * 1024 * 1024


def test_bad_bytes_are_really_bad(standin: StandIn) -> None:
    answer = heard(standin, "F41.text", "openai_chat", "stream")

    with pytest.raises(UnicodeDecodeError):
        answer.body.decode()
    assert "before \ufffd after" in text_of(Heard(body=answer.body.decode(errors="replace").encode()), "openai_chat")


def test_a_kept_connection_dies_when_it_is_used_again(standin: StandIn) -> None:
    standin.forget()
    standin.fault("F09.reuse")
    body = b'{"model":"m","messages":[{"role":"user","content":"x"}]}'
    request = b"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\ncontent-length: %d\r\n\r\n%b" % (len(body), body)
    address = urlsplit(standin.url)
    with socket.create_connection((address.hostname, address.port or 80)) as connection:
        connection.sendall(request)
        assert listen(connection, 2).ending == "end"

        connection.sendall(request)

        assert listen(connection, 2).ending == "reset"
    assert len(standin.requests) == 1


def test_a_refused_address_refuses() -> None:
    with refusing() as url, pytest.raises(ConnectionRefusedError):
        ask(url, "anthropic")


def test_a_client_that_leaves_is_noticed_and_billed_in_part(standin: StandIn) -> None:
    standin.forget()
    standin.script(Reply(EVERY_KIND.parts, usage=Usage(input=50, output=500), shape=Shape(event_delay_s=0.02)))

    ask(standin.url, "anthropic", seconds=5, then_s=0.05, stream=True)

    assert standin.wait(lambda s: bool(s.requests) and s.requests[0].over)
    seen = standin.requests[0]
    assert seen.left_after_ms is not None
    assert not seen.ended
    assert seen.usage.input == 50
    assert 0 <= seen.usage.output < 500


def test_an_endless_answer_waits_for_a_slow_reader(standin: StandIn) -> None:
    standin.forget()
    standin.fault("F58")

    answer = ask(standin.url, "anthropic", seconds=5, then_s=0.2, stream=True)

    assert len(answer.body) > 10_000
    assert standin.wait(lambda s: s.requests[0].over, seconds=30)


def test_answers_come_from_the_queue_then_from_the_responder(standin: StandIn) -> None:
    standin.forget()
    standin.script(said("for tools only"), when=lambda request: bool(request.tools))
    standin.script(said("for everyone"))

    first = ask(standin.url, "anthropic", seconds=2).json
    second = ask(standin.url, "anthropic", seconds=2).json

    assert first["content"][0]["text"] == "for everyone"
    assert second["content"][1]["text"] == EVERY_KIND.text
