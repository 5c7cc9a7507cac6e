"""What a channel changes of what it is sent, and which of the client's headers reach it."""

from __future__ import annotations

import json

import pytest

from dragoman.canon.operations import Condition, HeaderOperation, Operation
from dragoman.canon.templates import template_of
from tests.relay.stage import ScriptedAnswer, Stage, channel, play

REPLY = b'{"id":"c","model":"m","choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}]}'
ASK = {"model": "asked", "max_tokens": 9, "messages": [{"role": "user", "content": "Hi"}]}
DOORS = {"verbatim": "openai_chat", "translated": "anthropic"}
SET = HeaderOperation(op="set", name="x-who", value=template_of("{header.x-user} asks {model} for {body.model}"))


def answered() -> ScriptedAnswer:
    return ScriptedAnswer([REPLY], content_type="application/json")


@pytest.mark.parametrize("mode", DOORS)
def test_placeholders_are_filled_in_both_ways(mode: str) -> None:
    operations = (
        Operation(op="set", path=("metadata", "who"), value=template_of("{asked} by {door} on {channel}")),
        Operation(op="set", path=("echo",), value=template_of("{body.messages.0.content}")),
    )
    stage = Stage({"one": [answered()]}, channel("one", body=operations))

    heard = play(stage.ask(json.dumps(ASK).encode(), DOORS[mode]))

    sent = json.loads(stage.transport.calls[0].body)
    assert heard.headers["x-dragoman-mode"] == mode
    assert sent["metadata"] == {"who": f"asked by {DOORS[mode]} on one"}
    assert "Hi" in json.dumps(sent["echo"])
    assert stage.exchanges[0].attempts[0].edits[-2:] == ("set metadata.who", "set echo")


def test_what_was_not_done_is_not_noted() -> None:
    held = Condition(model="other-*")
    stage = Stage({"one": [answered()]}, channel("one", body=(Operation(op="delete", path=("model",), when=held),)))

    play(stage.ask(json.dumps(ASK).encode()))

    assert json.loads(stage.transport.calls[0].body)["model"] == "m"
    assert stage.exchanges[0].attempts[0].edits == ()


@pytest.mark.parametrize("mode", DOORS)
def test_headers_are_filled_from_the_client_and_the_body(mode: str) -> None:
    operations = (
        SET,
        HeaderOperation(op="set", name="x-gemini", value="1", when=Condition(doors=("gemini",))),
        HeaderOperation(op="set", name="x-session", value=template_of("{session}")),
    )
    stage = Stage({"one": [answered()]}, channel("one", header=operations, body=()))
    play(stage.ask(json.dumps(ASK).encode(), DOORS[mode], x_user="Ada", x_claude_code_session_id="s-1"))

    call = stage.transport.calls[0]
    assert call.headers["x-who"] == "Ada asks m for m"
    assert call.headers["x-session"] == "s-1"
    assert "x-gemini" not in call.headers


@pytest.mark.parametrize("mode", DOORS)
def test_changes_of_headers_are_noted_without_values(mode: str) -> None:
    operations = (
        HeaderOperation(op="set", name="x-secret", value="hush"),
        HeaderOperation(op="copy", name="x-secret", to="x-other"),
        HeaderOperation(op="delete", name="user-agent"),
        HeaderOperation(op="delete", name="x-none"),
        HeaderOperation(op="set", name="x-gemini", value="1", when=Condition(doors=("gemini",))),
    )
    stage = Stage({"one": [answered()]}, channel("one", header=operations))
    play(stage.ask(json.dumps(ASK).encode(), DOORS[mode]))

    edits = stage.exchanges[0].attempts[0].edits
    assert edits[-3:] == ("set header x-secret", "copy header x-secret to x-other", "delete header user-agent")
    assert "hush" not in str(edits)


def test_each_request_has_its_own_headers() -> None:
    stage = Stage({"one": [answered(), answered()]}, channel("one", header=(SET,)))

    play(stage.ask(json.dumps(ASK).encode(), "openai_chat", x_user="Ada"))
    play(stage.ask(json.dumps(ASK).encode(), "openai_chat"))

    first, second = stage.transport.calls
    assert first.headers["x-who"] == "Ada asks m for m"
    assert "x-who" not in second.headers


@pytest.mark.parametrize("mode", DOORS)
def test_only_named_headers_of_the_client_reach_the_upstream(mode: str) -> None:
    stage = Stage({"one": [answered()]}, channel("one", client_headers=("x-trace", "user-agent", "x-none")))
    told = {"x_trace": "t-1", "x_other": "o", "user_agent": "agent/1", "authorization": "Bearer mine", "cookie": "c"}

    play(stage.ask(json.dumps(ASK).encode(), DOORS[mode], **told))

    headers = stage.transport.calls[0].headers
    assert (headers["x-trace"], headers["user-agent"]) == ("t-1", "agent/1")
    assert headers["authorization"] == "Bearer key-of-one"
    assert not {"x-other", "cookie", "x-none"} & headers.keys()


def test_a_channel_s_own_header_goes_before_the_client_s() -> None:
    made = channel("one", client_headers=("x-trace",), headers={"X-Trace": "ours"})
    stage = Stage({"one": [answered()]}, made)

    play(stage.ask(json.dumps(ASK).encode(), x_trace="theirs"))

    assert stage.transport.calls[0].headers["x-trace"] == "ours"


def test_without_a_word_the_client_stays_unknown() -> None:
    stage = Stage({"one": [answered()]})

    play(stage.ask(json.dumps(ASK).encode(), user_agent="agent/1", x_trace="t-1"))

    headers = stage.transport.calls[0].headers
    assert headers["user-agent"] == "dragoman/test"
    assert "x-trace" not in headers


def test_a_body_that_cannot_be_looked_into_is_refused_and_nothing_breaks() -> None:
    body = json.dumps(ASK).replace("{", '{"extra":1e999,', 1)
    stage = Stage({"one": [answered()]}, channel("one", body=(Operation(op="delete", path=("a",)),)))

    heard = play(stage.ask(body.encode(), "openai_chat"))

    assert heard.status == 400
    assert "numbers too large" in heard.text


def test_half_a_character_is_replaced_where_a_body_is_changed() -> None:
    stage = Stage({"one": [answered()]}, channel("one", body=(Operation(op="set", path=("user",), value="u"),)))

    heard = play(stage.ask(json.dumps(ASK).replace('"Hi"', '"Hi \\ud83d"').encode(), "openai_chat"))

    assert heard.status == 200
    sent = json.loads(stage.transport.calls[0].body)
    assert (sent["messages"][0]["content"], sent["user"]) == ("Hi \N{REPLACEMENT CHARACTER}", "u")
    assert [loss.what for loss in stage.exchanges[0].attempts[0].losses] == ["text.surrogate"]
