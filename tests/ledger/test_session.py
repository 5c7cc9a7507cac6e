"""Sessions are known by what real clients send (measured 2026-11-20), else by how the conversation begins."""

from __future__ import annotations

import pytest
from msgspec import Raw
from msgspec.structs import replace

from dragoman.canon.request import Extras, Image, Link, OutputShape, Request, Text, Tool, Turn
from dragoman.ledger.session import Session, session_of

UUID = "6d5453dd-7df1-4fd7-bca1-ffba50e36359"
HELLO = Request(dialect="tongue", model="m", system=(Text("You are kind."),), turns=(Turn("user", (Text("Hello"),)),))
TITLE = replace(HELLO, output_shape=OutputShape("json_schema", Raw(b"{}")))
ARMED = replace(HELLO, tools=(Tool("Read"),))
SUBAGENT = replace(HELLO, system=(Text("x-anthropic-billing-header: cc_entrypoint=cli; cc_is_subagent=true;"),))


def told_by(headers: dict[str, str] | None = None, user: str | None = None) -> Session:
    """The session of a request with these headers and this user."""
    return session_of(headers or {}, replace(HELLO, user=user))


@pytest.mark.parametrize(
    ("headers", "user"),
    [
        ({"x-claude-code-session-id": UUID}, None),
        ({"session-id": UUID}, None),
        ({"x-session-id": UUID}, None),
        ({"x-session-affinity": UUID}, None),
        ({"session-id": UUID, "thread-id": UUID}, None),
        ({"x-claude-code-session-id": UUID, "x-session-id": "other"}, '{"session_id":"third"}'),
        ({}, f'{{"device_id":"{"a" * 64}","account_uuid":"","session_id":"{UUID}"}}'),
        ({}, f"user_{'a' * 64}_account__session_{UUID}"),
        ({"x-session-id": "with a blank"}, f'{{"session_id":"{UUID}"}}'),
        ({"x-session-id": "x" * 200}, f'{{"session_id":"{UUID}"}}'),
    ],
)
def test_a_session_is_known_by(headers: dict[str, str], user: str | None) -> None:
    session = told_by(headers, user)
    assert (session.id, session.agent_id, session.told) == (UUID, None, True)


def test_a_session_is_known_by_the_key_of_its_prompt_cache() -> None:
    keyed = replace(HELLO, extras=Extras("tongue", {"prompt_cache_key": Raw(b'"ses_1"')}))
    odd = replace(HELLO, extras=Extras("tongue", {"prompt_cache_key": Raw(b"7")}))
    assert session_of({}, keyed).id == "ses_1"
    assert session_of({"x-session-id": "s"}, keyed).id == "s"
    assert not session_of({}, odd).told


@pytest.mark.parametrize("user", [None, "", "someone@example.test", "{broken", '{"session_id":7}', '{"session_id":""}'])
def test_without_a_word_a_session_is_known_by_its_beginning(user: str | None) -> None:
    session = told_by(user=user)
    assert not session.told
    assert len(session.id) == 32
    assert session.id == told_by().id


def test_a_conversation_keeps_its_digest_while_it_grows() -> None:
    grown = replace(HELLO, turns=(*HELLO.turns, Turn("assistant", (Text("Hi"),)), Turn("user", (Text("More"),))))
    other = replace(HELLO, turns=(Turn("user", (Text("Goodbye"),)),))
    assert session_of({}, grown).id == session_of({}, HELLO).id != session_of({}, other).id


def test_sessions_differ_by_what_the_user_says_behind_what_they_share() -> None:
    shared = Text("It is Friday; these are the files of the folder. " * 100)
    asked = [replace(HELLO, turns=(Turn("user", (shared, Text(words))),)) for words in ("One.", "Two.")]
    apart = [replace(HELLO, turns=(Turn("user", (shared,)), Turn("user", (Text(words),)))) for words in ("A", "B")]
    assert len({session_of({}, each).id for each in (*asked, *apart)}) == 4


def test_what_cannot_be_encoded_or_has_no_words_still_has_a_digest() -> None:
    lone = replace(HELLO, turns=(Turn("user", (Image(Link("https://a.test")), Text("\ud800"))),))
    assert session_of({}, lone).id != session_of({}, replace(HELLO, turns=())).id


def test_each_agent_of_a_session_sticks_by_itself() -> None:
    main = told_by({"x-session-id": "s"})
    sent = told_by({"x-session-id": "s", "x-claude-code-agent-id": "a1"})
    assert (main.key, sent.key) == ("s", "s:a1")
    assert (main.agent_id, sent.agent_id) == (None, "a1")
    assert told_by({"session-id": "s", "thread-id": "t"}).key == "s:t"
    assert told_by({"session-id": "s", "thread-id": "s"}).key == "s"
    assert told_by({"thread-id": "t"}).agent_id is None


@pytest.mark.parametrize(
    ("headers", "request_", "agent"),
    [
        ({}, HELLO, "main"),
        ({"x-claude-code-agent-id": "a1"}, HELLO, "subagent"),
        ({}, SUBAGENT, "subagent"),
        ({}, TITLE, "background"),
        ({}, replace(TITLE, tools=(Tool("Read"),)), "main"),
        ({}, replace(HELLO, system=(Image(Link("https://a.test")),)), "main"),
        ({"x-session-id": "ses_1"}, HELLO, "background"),
        ({"x-session-id": "ses_1"}, ARMED, "main"),
        ({"session-id": "s", "thread-id": "t"}, HELLO, "subagent"),
        ({"x-codex-turn-metadata": '{"request_kind":"turn","thread_source":"user"}'}, HELLO, "main"),
        (
            {"x-codex-turn-metadata": '{"request_kind":"compaction"}'},
            replace(HELLO, tools=(Tool("Read"),)),
            "background",
        ),
        ({"x-codex-turn-metadata": '{"thread_source":"agent"}'}, HELLO, "subagent"),
        ({"x-codex-turn-metadata": "{broken"}, HELLO, "main"),
        ({"x-claude-code-request-class": "main"}, TITLE, "main"),
        ({"x-claude-code-request-class": "workflow"}, HELLO, "subagent"),
        ({"x-claude-code-request-class": "compaction"}, HELLO, "background"),
        ({"x-claude-code-request-class": "auxiliary"}, HELLO, "background"),
        ({"x-claude-code-request-class": "brand_new"}, SUBAGENT, "subagent"),
    ],
)
def test_who_speaks(headers: dict[str, str], request_: Request, agent: str) -> None:
    assert session_of(headers, request_).agent == agent


def test_the_prompt_is_hinted_at() -> None:
    assert told_by({"x-claude-code-prompt-id": "p-1"}).trace_hint == "p-1"
    assert told_by({"x-codex-turn-metadata": '{"root_turn_id":"t-1","window_number":0}'}).trace_hint == "t-1"
