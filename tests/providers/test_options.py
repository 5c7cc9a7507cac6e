"""Options of a channel reach the body that its provider is sent."""

from __future__ import annotations

import msgspec
import pytest

from dragoman.dialects import anthropic, gigachat
from dragoman.providers.catalog import catalog
from dragoman.providers.options import read_member
from dragoman.relay.outlet import Outlet
from dragoman.relay.prepare import Inquiry, Prepared, prepare
from dragoman.routing.plan import Step
from dragoman.routing.snapshot import Channel, Secret

ASK = (
    b'{"model":"m","max_tokens":9,"system":"Be short.","messages":[{"role":"user","content":"Hello"}],'
    b'"tools":[{"name":"Bash","input_schema":{"type":"object","properties":{}}}]}'
)
OWN_ASK = b'{"model":"m","messages":[{"role":"user","content":"Hello"}],"profanity_check":true}'


def prepared(options: dict[str, str], model: str = "GigaChat-2-Max", *, own: bool = False) -> Prepared:
    """The call that a request becomes on a channel of GigaChat with these options."""
    row = catalog()["gigachat"]
    channel = Channel(
        name="g",
        provider=row.id,
        dialect=row.dialect,
        base_url=row.base_url,
        api_key=Secret("k"),
        options=options,
        native=True,
    )
    door, body = (gigachat.DIALECT, OWN_ASK) if own else (anthropic.DIALECT, ASK)
    inquiry = Inquiry(id="x", door=door, body=body, request=door.read_request(body), headers={})
    outlet = Outlet(channel, row, gigachat.DIALECT, "test")
    return prepare(inquiry, Step(channel=channel, model=model, why="test"), outlet)


OPTIONS = {
    "profanity_check": ("false", False),
    "flags": ("a, b", ["a", "b"]),
    "update_interval": ("0.5", 0.5),
    "repetition_penalty": ("1.1", 1.1),
}


@pytest.mark.parametrize("name", OPTIONS)
def test_an_option_is_a_member_of_the_body(name: str) -> None:
    text, expected = OPTIONS[name]

    assert msgspec.json.decode(prepared({name: text}).call.body)[name] == expected
    assert name not in msgspec.json.decode(prepared({}).call.body)


def test_what_a_client_says_itself_goes_before_an_option() -> None:
    body = msgspec.json.decode(prepared({"profanity_check": "false", "flags": "a"}, own=True).call.body)

    assert (body["profanity_check"], body["flags"]) == (True, ["a"])


@pytest.mark.parametrize(("kind", "text"), [("number", "much"), ("boolean", "maybe"), ("texts", "[1]")])
def test_a_value_of_another_kind_is_refused(kind: str, text: str) -> None:
    with pytest.raises(ValueError, match="is not"):
        read_member(kind, text)  # type: ignore[arg-type]


def test_a_list_may_be_written_as_json() -> None:
    assert read_member("texts", '["a","b"]') == ["a", "b"]
