"""Changes of bodies and headers as they are configured: what arrives, and what is refused when it is saved."""

from __future__ import annotations

from pathlib import Path

import pytest

from dragoman.canon.operations import Condition, HeaderOperation, Match, Operation
from dragoman.canon.templates import Placeholder, Template
from dragoman.routing.snapshot import Channel
from tests.settings.places import Scene, faults, read

PLAIN = '[[channels]]\nname = "a"\nprovider = "openai-compatible"\nbase_url = "http://127.0.0.1:9000/v1"\n'
SET = '[[overrides]]\nname = "mild"\nbody = [{ op = "set", path = "temperature", value = 0.2 }]\n'


def channel(text: str, folder: Path, before: str = "", **environ: str) -> Channel:
    return read(Scene(file=before + PLAIN + text, environ=environ), folder).snapshot.channels[0]


def test_changes_arrive(tmp_path: Path) -> None:
    made = channel(
        """
        body = [
          { op = "insert", path = "messages", value = { role = "system", content = "For {asked}" }, index = 0 },
          { op = "insert", path = "stop", value = "x", after = { equals = "y" } },
          { op = "remove", path = "tools", match = { path = "function.name", equals = "rm" } },
          { op = "append", path = "stop", value = ["a"], spread = true },
          { op = "delete", path = "user", when = { model = "gpt-*", doors = ["anthropic"], path = "user" } },
        ]
        header = [{ op = "set", name = "X-Who", value = "{header.x-user}", when = { path = "a", matches = "^b" } }]
        headers = { X-Model = "{model}", X-Plain = "{{1}}" }
        client_headers = ["X-Trace", "user-agent", "x-trace"]
        stream = "never"
        test_model = "small"
        note = "Of the second floor."
        """,
        tmp_path,
    )
    assert made.body[0].index == 0
    assert made.body[0].value == {"role": "system", "content": Template(("For ", Placeholder("asked")))}
    assert made.body[1].after == Match(equals="y")
    assert made.body[2].match == Match(path=("function", "name"), equals="rm")
    assert made.body[3].spread
    assert made.body[4].when == Condition(model="gpt-*", doors=("anthropic",), path=("user",))
    first, second = made.header
    assert first == HeaderOperation(op="set", name="x-model", value=Template((Placeholder("model"),)))
    assert (second.name, second.when and second.when.path) == ("x-who", ("a",))
    assert made.headers == {"X-Plain": "{1}"}
    assert made.client_headers == ("x-trace", "user-agent")
    assert (made.stream, made.test_model) == ("never", "small")


def test_sets_come_before_a_channel_s_own_changes_in_the_order_named(tmp_path: Path) -> None:
    sets = SET + '[[overrides]]\nname = "last"\nheader = [{ op = "delete", name = "x-a" }]\n'
    made = channel('overrides = ["last", "mild"]\nbody = [{ op = "delete", path = "top_p" }]\n', tmp_path, sets)
    assert [(each.op, each.path) for each in made.body] == [("set", ("temperature",)), ("delete", ("top_p",))]
    assert made.body[0] == Operation(op="set", path=("temperature",), value=0.2)
    assert [each.name for each in made.header] == ["x-a"]


def test_a_secret_from_elsewhere_holds_no_placeholders(tmp_path: Path) -> None:
    made = channel('headers = { X-Pass = "env:PASS" }\n', tmp_path, PASS="a{b}c")
    assert made.headers == {"X-Pass": "a{b}c"}


def test_a_header_of_another_gateway_is_taken_word_for_word(tmp_path: Path) -> None:
    dotenv = "OPENAI_API_KEY=sk-1\nCUSTOM_HEADER_X_TEAM={model}\n"
    (made,) = read(Scene(dotenv=dotenv), tmp_path).snapshot.channels
    assert made.headers == {"X-TEAM": "{model}"}


BODY = "body = [%s]"
HEADER = "header = [%s]"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (BODY % '{ op = "insert", path = "a", value = 1 }', "'insert' needs one of 'index' or 'before' or 'after'"),
        (BODY % '{ op = "insert", path = "a", index = 0, after = {} }', "'insert' needs one of"),
        (BODY % '{ op = "insert", path = "a", index = 0, to = "b" }', "'insert' has no use for 'to'"),
        (BODY % '{ op = "remove", path = "a" }', "'remove' needs one of 'index' or 'match'"),
        (BODY % '{ op = "set", path = "a", index = 1 }', "'set' has no use for 'index'"),
        (BODY % '{ op = "rename", path = "a" }', "'rename' needs 'to'"),
        (BODY % '{ op = "set", path = "a", value = [1], spread = true }', "'spread' puts"),
        (BODY % '{ op = "append", path = "a", value = 1, spread = true }', "'spread' puts"),
        (BODY % '{ op = "set", path = "a..b", value = 1 }', "has an empty step"),
        (BODY % '{ op = "remove", path = "a", match = { path = "." } }', "has an empty step"),
        (BODY % '{ op = "set", path = "a", value = "{colour}" }', "a placeholder that there is not"),
        (BODY % '{ op = "set", path = "a", value = { b = ["{"] } }', "a brace stands alone"),
        (BODY % '{ op = "set", path = "a", value = "{header.Authorization}" }', "'authorization' is never passed on"),
        (BODY % '{ op = "set", path = "a", value = "{header.x-api-key}" }', "'x-api-key' is never passed on"),
        (BODY % '{ op = "set", path = "a", value = "{header.cookie}" }', "'cookie' is never passed on"),
        (BODY % '{ op = "set", path = "a", value = "{header.x-auth-token}" }', "'x-auth-token' is never passed on"),
        (BODY % '{ op = "set", path = "a", when = {} }', "It asks for nothing"),
        (BODY % '{ op = "set", path = "a", when = { equals = 1 } }', "does not say where to look"),
        (BODY % '{ op = "set", path = "a", when = { path = "a.", equals = 1 } }', "has an empty step"),
        (BODY % '{ op = "set", path = "a", when = { path = "b", matches = "(" } }', "'(' is no regular expression"),
        (BODY % '{ op = "set", path = "a", when = { path = "b", matches = "(a+)+" } }', "repeats a group"),
        (BODY % '{ op = "set", path = "a", when = { doors = ["antropic"] } }', "Did you mean 'anthropic'?"),
        (BODY % '{ op = "set", path = "a", when = { colour = "red" } }', "colour"),
        (HEADER % '{ op = "set", name = "x-a", value = "{header.x-goog-api-key}" }', "is never passed on"),
        (HEADER % '{ op = "set", name = "x-a", value = "{nothing}" }', "a placeholder that there is not"),
        (HEADER % '{ op = "set", name = "host", value = "{model}" }', "belongs to the connection"),
        (
            HEADER % '{ op = "set", name = "x-a", value = "{model}\\n" , when = { path = "a" }, to = "b" }',
            "'to' does not",
        ),
        (HEADER % '{ op = "set", name = "x-a", value = "a\\n{model}" }', "no header can carry"),
        (HEADER % '{ op = "delete", name = "x-a", when = { path = "." } }', "has an empty step"),
        ('headers = { X-A = "{header.proxy-authorization}" }', "is never passed on"),
        ('headers = { X-A = "{" }', "a brace stands alone"),
        ('overrides = ["mld"]', "Did you mean 'mild'?"),
        ('overrides = ["a b"]', "overrides"),
        ('stream = "sometimes"', "stream"),
        ('test_model = ""', "test_model"),
        (f'note = "{"x" * 2001}"', "note"),
        *(
            (f'client_headers = ["{name}"]', f"The header '{name}' is never passed on")
            for name in (
                "Authorization",
                "x-api-key",
                "Cookie",
                "X-Goog-Api-Key",
                "x-amz-security-token",
                "X-Forwarded-For",
                "via",
                "connection",
                "Transfer-Encoding",
                "content-type",
                "Content-Language",
                "host",
                "accept",
                "te",
                "x-dragoman-csrf",
                "cf-connecting-ip",
                "sec-fetch-site",
            )
        ),
        ('client_headers = ["a b"]', "'a b' cannot be the name of a header"),
    ],
)
def test_what_cannot_be_done_is_refused(text: str, words: str, tmp_path: Path) -> None:
    assert words in faults(Scene(file=SET + PLAIN + text), tmp_path)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('header = [{ op = "set", name = "Authorization", value = "Bearer x" }]', "holds no secrets"),
        ('header = [{ op = "set", name = "x-a", value = "env:HOME" }]', "holds no secrets"),
        ('header = [{ op = "copy", name = "x-a", to = "x-api-key" }]', "holds no secrets"),
        ('body = [{ op = "set", path = "a", value = "{x}" }]', "a placeholder that there is not"),
        ('api_key = "x"', "There is no such key"),
    ],
)
def test_a_set_that_cannot_be_used_is_refused(text: str, words: str, tmp_path: Path) -> None:
    assert words in faults(Scene(file=f'[[overrides]]\nname = "mild"\n{text}\n'), tmp_path)


def test_two_sets_of_one_name_are_refused(tmp_path: Path) -> None:
    assert "Two sets of changes have this name" in faults(Scene(file=SET + SET), tmp_path)
