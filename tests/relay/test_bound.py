"""Requests that lean on what only a server of their own wire keeps."""

from __future__ import annotations

import json

from dragoman.ledger.exchange import Exchange
from tests.relay.stage import Listener, ScriptedAnswer, Stage, channel, inquiry, play

BODY = json.dumps({"model": "asked", "input": "And?", "previous_response_id": "resp_0", "stream": False}).encode()
ANSWER = json.dumps({"id": "resp_1", "object": "response", "status": "completed", "model": "m", "output": []}).encode()


def asked(stage: Stage) -> tuple[Listener, Exchange]:
    """The client and the record of an exchange at the door of Responses."""
    client = Listener()
    play(stage.relay.answer(inquiry(BODY, door="openai_responses"), client))
    return client, stage.exchanges[-1]


def test_what_a_server_keeps_is_asked_of_a_server_of_the_same_wire() -> None:
    answers = {"chat": [], "own": [ScriptedAnswer([ANSWER], content_type="application/json")]}
    stage = Stage(answers, channel("chat"), channel("own", "responses-compatible"))

    client, _ = asked(stage)

    assert client.status == 200
    assert [call.upstream for call in stage.transport.calls] == ["own"]
    assert json.loads(stage.transport.calls[0].body)["previous_response_id"] == "resp_0"


def test_where_there_is_none_the_client_is_told_so_clearly() -> None:
    stage = Stage({"chat": []}, channel("chat"))

    client, _ = asked(stage)

    assert client.status == 400
    error = json.loads(client.text)["error"]
    assert error["param"] == "previous_response_id"
    assert "only a server of its own dialect" in error["message"]
    assert stage.transport.calls == []
