"""Starting an agent for a gateway: what it is given, what it must not see, and what is told where it cannot be."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import tomllib
import urllib.request
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from dragoman.cli.agents import agents
from dragoman.cli.launch import launch
from tests.cli.command import Done, environment, run
from tests.cli.test_commands import BROKEN, free_port

MODEL = "claude-opus"
FAKE = f"""#!{sys.executable}
import json, os, pathlib, sys
home = os.environ.get("GEMINI_CLI_HOME")
file = json.loads(pathlib.Path(home, ".gemini/settings.json").read_text()) if home else None
print(json.dumps({{"arguments": sys.argv[1:], "environ": dict(os.environ), "file": file}}))
sys.exit(7)
"""


@contextmanager
def serving(folder: Path, environ: Mapping[str, str]) -> Iterator[str]:
    """The address of a gateway that serves the demo model, stopped in the end."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "dragoman", "--demo", "--port", "0"],
        cwd=folder,
        env=environment(folder, environ),
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout
        greeting = process.stdout.readline()
        address = re.search(r"http://\S+", greeting)
        assert address, greeting
        yield address[0]
    finally:
        process.send_signal(signal.SIGTERM)
        process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A gateway that is open."""
    with serving(tmp_path_factory.mktemp("gateway"), {}) as address:
        yield address


def put(folder: Path, *commands: str) -> dict[str, str]:
    """An environment in which agents of these names tell how they were started, and real keys they must not get."""
    (folder / "bin").mkdir(exist_ok=True)
    for command in commands:
        program = folder / "bin" / command
        program.write_text(FAKE)
        program.chmod(0o755)
    return {
        "PATH": f"{folder / 'bin'}{os.pathsep}/usr/bin:/bin",
        "ANTHROPIC_API_KEY": "real",
        "GOOGLE_API_KEY": "real",
        "GEMINI_API_KEY": "real",
        "OPENAI_API_KEY": "real",
    }


def told(done: Done) -> dict[str, Any]:
    """What a fake agent told of itself."""
    found: dict[str, Any] = json.loads(done.out)
    return found


@pytest.mark.parametrize("command", agents())
def test_an_agent_that_is_absent_is_told_with_its_install_line(command: str, tmp_path: Path) -> None:
    absent = run(tmp_path, "launch", command)

    assert absent.code == 2
    assert agents()[command].install in absent.err


def test_the_help_names_every_agent() -> None:
    described = launch.__doc__ or ""

    assert [command for command in agents() if command not in described] == []


def test_an_unknown_agent_is_told_with_the_nearest(tmp_path: Path) -> None:
    for word in ("launch", "env"):
        done = run(tmp_path, word, "codexx")

        assert done.code == 2
        assert "Did you mean 'codex'?" in done.err


def test_a_gateway_that_is_absent_is_told(tmp_path: Path) -> None:
    alone = run(
        tmp_path, "launch", "claude", "--url", f"http://127.0.0.1:{free_port()}", environ=put(tmp_path, "claude")
    )

    assert alone.code == 2
    assert "Start one in another terminal" in alone.err


def test_the_demo_serves_and_an_agent_is_launched_for_it(url: str, tmp_path: Path) -> None:
    # What lies in the folder an agent works on must not keep it from its gateway.
    (tmp_path / "dragoman.toml").write_text(BROKEN)

    with urllib.request.urlopen(f"{url}/livez") as answer:
        assert answer.status == 200
    launched = run(tmp_path, "launch", "claude", "--url", url, "--", "-p", "two words", environ=put(tmp_path, "claude"))

    agent = told(launched)
    assert agent["arguments"] == ["-p", "two words"]
    assert agent["environ"]["ANTHROPIC_BASE_URL"] == url
    assert "ANTHROPIC_API_KEY" not in agent["environ"]
    assert launched.code == 7


@pytest.mark.parametrize("command", [command for command in agents() if command != "claude"])
def test_each_agent_is_sent_to_the_gateway_and_to_a_model_it_offers(command: str, url: str, tmp_path: Path) -> None:
    done = run(tmp_path, "launch", command, "--url", url, "--", "word", environ=put(tmp_path, command))

    agent = told(done)
    given = json.dumps(agent).replace("\\", "")
    assert done.code == 7
    assert agent["arguments"][-1] == "word"
    assert url in given
    assert re.search(rf'[=/"]{MODEL}["/\\]', given)


def test_codex_is_given_its_provider_by_arguments_and_the_key_by_a_variable(url: str, tmp_path: Path) -> None:
    agent = told(run(tmp_path, "launch", "codex", "--model", "m-1", "--url", url, environ=put(tmp_path, "codex")))

    config = tomllib.loads("\n".join(agent["arguments"][1::2]))
    assert config["model"] == "m-1"
    assert config["model_providers"][config["model_provider"]]["base_url"] == f"{url}/v1"
    assert agent["environ"]["DRAGOMAN_KEY"] == "dragoman"


def test_gemini_logs_in_by_key_in_a_home_of_its_own_and_the_users_file_stays(url: str, tmp_path: Path) -> None:
    theirs = tmp_path / "home" / ".gemini" / "settings.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text('{"security": {"auth": {"selectedType": "oauth-personal"}}, "ui": {"theme": "mine"}}')
    before = theirs.read_bytes()

    agent = told(run(tmp_path, "launch", "gemini", "--url", url, environ=put(tmp_path, "gemini")))

    assert agent["file"] == {"security": {"auth": {"selectedType": "gemini-api-key"}}, "ui": {"theme": "mine"}}
    assert agent["environ"]["GEMINI_API_KEY"] == "dragoman"
    assert "GOOGLE_API_KEY" not in agent["environ"]
    assert theirs.read_bytes() == before
    assert Path(agent["environ"]["GEMINI_CLI_HOME"]).is_relative_to(tmp_path / "home" / ".local")


def test_a_file_that_is_no_json_is_told_and_not_replaced(url: str, tmp_path: Path) -> None:
    theirs = tmp_path / "home" / ".gemini" / "settings.json"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("{ // mine\n}")

    done = run(tmp_path, "launch", "gemini", "--url", url, environ=put(tmp_path, "gemini"))

    assert done.code == 2
    assert f"{theirs} was to be read" in done.err


def test_launch_needs_a_key_where_the_gateway_does(tmp_path: Path) -> None:
    environ = put(tmp_path, "codex")
    words = ("launch", "codex", "--url")

    with serving(tmp_path, {"DRAGOMAN_API_KEYS": "secret"}) as url:
        without = run(tmp_path, *words, url, environ=environ)
        wrong = run(tmp_path, *words, url, environ={**environ, "DRAGOMAN_API_KEYS": "other"})
        right = run(tmp_path, *words, url, environ={**environ, "DRAGOMAN_API_KEYS": "secret"})

    assert (without.code, wrong.code, right.code) == (2, 2, 7)
    assert "Set DRAGOMAN_API_KEYS to one of its keys" in wrong.err
    assert told(right)["environ"]["DRAGOMAN_KEY"] == "secret"
    assert f'model="{MODEL}"' in told(right)["arguments"]


def test_an_agent_without_a_model_of_its_own_must_be_told_one(tmp_path: Path) -> None:
    done = run(tmp_path, "env", "opencode", "--url", f"http://127.0.0.1:{free_port()}")

    assert done.code == 2
    assert "--model" in done.err


def test_env_tells_the_arguments_that_an_agent_needs(tmp_path: Path) -> None:
    done = run(tmp_path, "env", "codex", "--model", "m", environ={"DRAGOMAN_PORT": str(free_port())})

    assert done.out.splitlines()[0] == "export DRAGOMAN_KEY=dragoman"
    assert done.out.splitlines()[-1].startswith("# Start it as: codex -c ")
