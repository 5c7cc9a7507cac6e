"""What points each agent at the gateway, and how shells take it."""

from __future__ import annotations

import json
import shlex
import subprocess
import tomllib
from collections.abc import Mapping
from typing import Any

import pytest

from dragoman.cli.agents import Outfit, Wanted, agents, merged, model_for, outfit
from dragoman.cli.env import REMOVE, SET, USUAL_AGENT, Shell, usual_shell
from dragoman.cli.launch import child_environment
from dragoman.cli.place import address
from dragoman.shapes.secret import Secret
from tests.conftest import Needs

INHERITED = {"ANTHROPIC_API_KEY": "real", "CLAUDE_CODE_USE_BEDROCK": "1", "HOME": "/h"}
URL = "http://127.0.0.1:8090"
FULL = Wanted(url=URL, key=Secret("key"), models=("first", "second"), model="first", essential_only=True)


def dressed(command: str, environ: Mapping[str, str] | None = None, wanted: Wanted = FULL) -> Outfit:
    """What one agent is started with."""
    return outfit(agents()[command], wanted, environ or {})


def child(command: str, environ: Mapping[str, str] | None = None, wanted: Wanted = FULL) -> dict[str, str]:
    """The environment that one agent is started with."""
    return child_environment(environ or {}, dressed(command, environ, wanted).settings)


def test_the_child_sends_one_credential_to_the_gateway() -> None:
    seen = child("claude", INHERITED, Wanted(url=URL, key=Secret("key")))

    assert seen["ANTHROPIC_BASE_URL"] == URL
    assert seen["ANTHROPIC_AUTH_TOKEN"] == "key"
    assert seen["HOME"] == "/h"
    for gone in ("ANTHROPIC_API_KEY", "CLAUDE_CODE_USE_BEDROCK"):
        assert gone not in seen
    for unasked in ("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "ANTHROPIC_MODEL"):
        assert unasked not in seen


def test_without_a_key_a_placeholder_is_sent() -> None:
    seen = child("claude", {}, Wanted(url=URL, essential_only=True, model="m"))

    assert seen["ANTHROPIC_AUTH_TOKEN"] == "dragoman"
    assert seen["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] == "1"
    assert seen["ANTHROPIC_MODEL"] == "m"


@pytest.mark.parametrize("command", agents())
def test_every_agent_gets_address_key_and_model(command: str) -> None:
    told = json.dumps([*dressed(command).arguments, *child(command).values()])

    assert URL in told
    assert "key" in told
    assert "first" in told
    assert "$" not in told


@pytest.mark.parametrize("command", agents())
def test_every_setting_has_its_reason(command: str) -> None:
    assert all(setting.reason for setting in dressed(command, {"HTTP_PROXY": "p"}).settings)


def test_codex_takes_its_provider_by_arguments_that_are_toml() -> None:
    arguments = dressed("codex").arguments
    lines = arguments[1::2]

    assert set(arguments[::2]) == {"-c"}
    assert tomllib.loads("\n".join(lines)) == {
        "analytics": {"enabled": False},
        "check_for_update_on_startup": False,
        "model": "first",
        "model_provider": "dragoman",
        "model_providers": {
            "dragoman": {
                "name": "Dragoman",
                "base_url": f"{URL}/v1",
                "env_key": "DRAGOMAN_KEY",
                "wire_api": "responses",
            }
        },
    }


def test_codex_keeps_its_own_model_where_the_gateway_names_none() -> None:
    assert not any(word.startswith("model=") for word in dressed("codex", {}, Wanted(url=URL)).arguments)


def test_opencode_takes_its_provider_over_what_the_variable_says() -> None:
    theirs = {"OPENCODE_CONFIG_CONTENT": '{"theme": "$key", "model": "other/x", "provider": {"other": {}}}'}
    config: dict[str, Any] = json.loads(child("opencode", theirs)["OPENCODE_CONFIG_CONTENT"])

    assert (config["theme"], config["model"]) == ("$key", "dragoman/first")
    assert config["provider"]["other"] == {}
    assert config["provider"]["dragoman"]["options"] == {"baseURL": f"{URL}/v1", "apiKey": "key"}
    assert config["provider"]["dragoman"]["models"] == {"first": {}, "second": {}}


def test_a_variable_that_is_no_json_is_not_thrown_away() -> None:
    with pytest.raises(ValueError, match=r"object|truncated|malformed"):
        child("opencode", {"OPENCODE_CONFIG_CONTENT": "{"})


@pytest.mark.parametrize(
    ("command", "named", "offered", "expected"),
    [
        ("claude", None, ["first"], ""),
        ("claude", "named", ["first"], "named"),
        ("codex", None, ["first"], "first"),
        ("codex", None, [], ""),
        ("opencode", None, ["first"], "first"),
        ("opencode", None, [], None),
        ("opencode", "named", [], "named"),
    ],
)
def test_the_model_that_is_asked_for(command: str, named: str | None, offered: list[str], expected: str | None) -> None:
    assert model_for(agents()[command], named, offered) == expected


def test_of_two_configurations_tables_are_merged() -> None:
    assert merged({"a": {"b": 1, "c": 1}, "d": 1}, {"a": {"b": 2}, "e": 2}) == {"a": {"b": 2, "c": 1}, "d": 1, "e": 2}


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"NO_PROXY": "a"}, None),
        ({"HTTPS_PROXY": "p"}, "127.0.0.1,localhost"),
        ({"http_proxy": "p", "NO_PROXY": "a,localhost"}, "a,localhost,127.0.0.1"),
    ],
)
@pytest.mark.parametrize("command", agents())
def test_loopback_is_kept_from_proxies(command: str, environ: dict[str, str], expected: str | None) -> None:
    settings = {setting.name: setting.value for setting in dressed(command, environ).settings}

    assert settings.get("NO_PROXY") == expected


def test_an_agent_that_reads_no_no_proxy_must_not_know_of_the_proxy() -> None:
    environ = {"HTTPS_PROXY": "p", "http_proxy": "p"}
    afar = Wanted(url="https://gate.example", model="m")

    assert not {"HTTPS_PROXY", "http_proxy"} & child("qwen", environ).keys()
    assert child("qwen", environ, afar)["HTTPS_PROXY"] == "p"
    assert child("gemini", environ)["HTTPS_PROXY"] == "p"


@pytest.mark.parametrize("own", [("-m", "other"), ("--model", "other"), ("--model=other",)])
def test_the_model_is_named_once(own: tuple[str, ...]) -> None:
    assert dressed("qwen", {}, Wanted(url=URL, model="first")).arguments[-2:] == ("-m", "first")
    assert "first" not in dressed("qwen", {}, Wanted(url=URL, model="first", arguments=own)).arguments


def test_the_usual_agent_is_one_of_the_table() -> None:
    assert USUAL_AGENT in agents()


WORDS = ["plain", "two words", "it's", '$HOME `x` \\ "q"', ""]


@pytest.mark.parametrize("word", WORDS)
def test_bash_gets_the_value_as_it_is(word: str, needs: Needs) -> None:
    script = f'{SET["bash"]("NAME", word)}\n{REMOVE["bash"].format("GONE")}\nprintf %s "$NAME${{GONE-}}"'

    done = subprocess.run([needs.program("bash"), "-c", script], capture_output=True, env={"GONE": "x"}, check=True)

    assert done.stdout.decode() == word


def test_fish_and_powershell_quote_in_their_own_way() -> None:
    assert SET["fish"]("A", "it's \\") == "set -gx A 'it\\'s \\\\'"
    assert SET["powershell"]("A", "it's") == "$env:A = 'it''s'"


@pytest.mark.parametrize(
    ("login_shell", "system", "expected"),
    [
        ("/bin/zsh", "posix", "bash"),
        ("/usr/bin/fish", "posix", "fish"),
        ("", "nt", "powershell"),
        ("", "posix", "bash"),
    ],
)
def test_the_shell_in_use_is_guessed(login_shell: str, system: str, expected: Shell) -> None:
    assert usual_shell(login_shell, system) == expected


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        ("127.0.0.1", "http://127.0.0.1:1"),
        ("0.0.0.0", "http://127.0.0.1:1"),
        ("::", "http://127.0.0.1:1"),
        ("::1", "http://[::1]:1"),
        ("gate.example", "http://gate.example:1"),
    ],
)
def test_the_address_for_clients_here(host: str, expected: str) -> None:
    assert address(host, 1) == expected


def test_quoting_is_that_of_the_standard_library() -> None:
    assert shlex.split(SET["bash"]("A", "b c")) == ["export", "A=b c"]
