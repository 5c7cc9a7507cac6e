"""What points Claude Code at the gateway, and how shells take it."""

from __future__ import annotations

import shlex
import subprocess
from pathlib import Path

import pytest

from dragoman.cli.claude import claude_settings
from dragoman.cli.env import REMOVE, SET, Shell, usual_shell
from dragoman.cli.launch import child_environment
from dragoman.cli.place import address
from dragoman.routing.snapshot import Secret
from tests.conftest import Needs

INHERITED = {"ANTHROPIC_API_KEY": "real", "CLAUDE_CODE_USE_BEDROCK": "1", "HOME": "/h"}


def test_the_child_sends_one_credential_to_the_gateway() -> None:
    settings = claude_settings("http://127.0.0.1:8090", Secret("key"), INHERITED, essential_only=False)

    child = child_environment(INHERITED, settings)

    assert child["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:8090"
    assert child["ANTHROPIC_AUTH_TOKEN"] == "key"
    assert child["HOME"] == "/h"
    assert "ANTHROPIC_API_KEY" not in child
    assert "CLAUDE_CODE_USE_BEDROCK" not in child
    assert "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC" not in child


def test_without_a_key_a_placeholder_is_sent() -> None:
    child = child_environment({}, claude_settings("u", None, {}, essential_only=True))

    assert child["ANTHROPIC_AUTH_TOKEN"] == "dragoman"
    assert child["CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC"] == "1"


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, None),
        ({"NO_PROXY": "a"}, None),
        ({"HTTPS_PROXY": "p"}, "127.0.0.1,localhost"),
        ({"http_proxy": "p", "NO_PROXY": "a,localhost"}, "a,localhost,127.0.0.1"),
    ],
)
def test_loopback_is_kept_from_proxies(environ: dict[str, str], expected: str | None) -> None:
    settings = {setting.name: setting.value for setting in claude_settings("u", None, environ, essential_only=False)}

    assert settings.get("NO_PROXY") == expected


def test_every_setting_has_its_reason() -> None:
    assert all(setting.reason for setting in claude_settings("u", None, {"HTTP_PROXY": "p"}, essential_only=True))


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


def test_nothing_is_written_anywhere(tmp_path: Path) -> None:
    claude_settings("u", None, {"HOME": str(tmp_path)}, essential_only=False)

    assert list(tmp_path.iterdir()) == []
