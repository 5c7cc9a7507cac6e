"""The commands as a user runs them: output, exit code, and never a traceback."""

from __future__ import annotations

import socket
from pathlib import Path

import msgspec
import pytest

from dragoman import __version__
from dragoman.cli.app import run as run_here
from tests.cli.command import run

BROKEN = 'server.prt = 1\n[[channels]]\nname = "a"\nprovider = "deepseak"\n'
DEAF = (
    '[[channels]]\nname = "deaf"\nprovider = "openai-compatible"\nbase_url = "http://127.0.0.1:9/v1"\nmodels = ["m"]\n'
)


def test_version_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(["version", "--json"]) == 0

    facts = msgspec.json.decode(capsys.readouterr().out)
    assert facts["dragoman"] == __version__


def test_providers_are_listed_and_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(["providers"]) == 0
    assert "openai-compatible" in capsys.readouterr().out
    assert run_here(["providers", "azure"]) == 0
    assert "api_version" in capsys.readouterr().out
    assert run_here(["providers", "azure", "--json"]) == 0
    assert msgspec.json.decode(capsys.readouterr().out)["id"] == "azure"


def test_an_unknown_provider_is_told_with_the_nearest(capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(["providers", "azzure"]) == 2

    assert "There is no provider 'azzure'.\nDid you mean 'azure'?" in capsys.readouterr().err


@pytest.mark.parametrize("words", [["--prot", "1"], ["nonsense"], ["serve", "--port", "high"], ["launch", "vim"]])
def test_a_wrong_word_is_refused_with_2(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_here(words) == 2

    told = capsys.readouterr()
    assert "Traceback" not in told.out + told.err
    assert told.out + told.err


@pytest.mark.parametrize("words", [[], ["serve"], ["env"], ["channel", "test"]])
def test_a_broken_configuration_is_told_whole(words: list[str], tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text(BROKEN)

    done = run(tmp_path, *words)

    assert done.code == 2
    assert "the configuration has 2 things to correct" in done.err
    assert "Did you mean 'port'?" in done.err
    assert "Did you mean 'deepseek'?" in done.err
    assert "Traceback" not in done.err


def test_a_port_that_is_taken_is_told(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as holder:
        done = run(tmp_path, "--port", str(holder.getsockname()[1]))

    assert done.code == 2
    assert "--port" in done.err


def test_env_prints_lines_for_a_shell(tmp_path: Path) -> None:
    done = run(tmp_path, "env", environ={"DRAGOMAN_PORT": "9000", "DRAGOMAN_API_KEYS": "a b"})

    assert done.code == 0
    assert "export ANTHROPIC_BASE_URL=http://127.0.0.1:9000\nexport ANTHROPIC_AUTH_TOKEN=a\n" in done.out
    assert "unset ANTHROPIC_API_KEY\n" in done.out


def test_nothing_is_coloured_in_a_pipe(tmp_path: Path) -> None:
    for words in (["--help"], ["providers"], ["doctor", "--offline"]):
        assert "\x1b" not in run(tmp_path, *words).out


def test_the_doctor_tells_what_it_found_by_grade(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text(DEAF)

    done = run(tmp_path, "doctor", "--json", environ={"DRAGOMAN_PORT": str(free_port())})

    grades = {finding["about"]: finding["grade"] for finding in msgspec.json.decode(done.out)}
    assert done.code == 2
    assert grades["configuration"] == "fine"
    assert grades["channel deaf"] == "error"


def test_the_doctor_tells_faults_of_the_configuration(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text(BROKEN)

    done = run(tmp_path, "doctor")

    assert done.code == 2
    assert done.out.count("error") == 2


def test_the_doctor_without_anything_warns(tmp_path: Path) -> None:
    done = run(tmp_path, "doctor", environ={"DRAGOMAN_PORT": str(free_port())})

    assert done.code == 1
    assert "No channel is configured" in done.out


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as trial:
        return int(trial.getsockname()[1])
