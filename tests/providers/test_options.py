"""Options of a channel reach the body that its provider is sent."""

from __future__ import annotations

import msgspec
import pytest

from dragoman.canon.habits import Habits
from dragoman.canon.request import Request, Text, Tool, Turn
from dragoman.dialects import anthropic, gigachat
from dragoman.providers.catalog import catalog
from dragoman.providers.options import read_member, with_addendum
from dragoman.providers.wish import Wish
from dragoman.relay.outlet import Outlet
from dragoman.relay.prepare import Inquiry, Prepared, prepare
from dragoman.routing.plan import Step
from dragoman.routing.snapshot import Channel
from dragoman.shapes.secret import Secret

ASK = (
    b'{"model":"m","max_tokens":9,"system":"Be short.","messages":[{"role":"user","content":"Hello"}],'
    b'"tools":[{"name":"Bash","input_schema":{"type":"object","properties":{}}}]}'
)
OWN_ASK = (
    b'{"model":"m","messages":[{"role":"user","content":"Hello"}],"functions":[{"name":"Bash",'
    b'"parameters":{"type":"object","properties":{}}}],"profanity_check":true}'
)


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


def wish(model: str = "GigaChat-2-Max", tools: tuple[Tool, ...] = (Tool("Bash"),)) -> Wish:
    """A request of an agent."""
    request = Request(dialect="anthropic", model=model, turns=(Turn("user", (Text("Hello"),)),), tools=tools)
    return Wish(request=request, habits=Habits(), model=model)


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


def told(prepared: Prepared) -> str:
    """The system message that is sent."""
    first = msgspec.json.decode(prepared.call.body)["messages"][0]
    return str(first["content"]) if first["role"] == "system" else ""


def test_an_agent_s_model_is_told_how_to_work_behind_the_client_s_own_words() -> None:
    call = prepared({})

    assert told(call).startswith("Be short.\n\nYou work through the functions that are offered.")
    assert "addendum" in [loss.what for loss in call.losses]


def test_an_option_leaves_the_system_prompt_as_it_was() -> None:
    call = prepared({"addendum": "false"})

    assert told(call) == "Be short."
    assert "addendum" not in [loss.what for loss in call.losses]


def test_nothing_is_added_where_no_tool_is_offered() -> None:
    without_tools = wish(tools=())

    assert with_addendum(catalog()["gigachat"], {}, without_tools) is without_tools


def test_nothing_is_added_for_a_model_that_no_pattern_names() -> None:
    other = wish(model="gemma-3")

    assert with_addendum(catalog()["gemini"], {}, other) is other
    assert with_addendum(catalog()["gemini"], {}, wish(model="gemini-3-pro")).losses


def test_nothing_is_added_to_a_client_of_the_upstream_s_own_dialect() -> None:
    call = prepared({}, own=True)

    assert told(call) == ""
    assert call.verbatim


def test_a_model_is_told_the_same_whichever_way_it_is_reached() -> None:
    rows = catalog()

    assert rows["gemini"].addendum
    assert rows["vertex"].addendum == rows["gemini"].addendum
    assert rows["gemini-openai"].addendum == rows["gemini"].addendum
