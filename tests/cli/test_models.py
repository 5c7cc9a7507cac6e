"""`dragoman models`: what can be asked for, what not, and what is known of it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dragoman.cli.doctor import examine
from tests.cli.spoken import said

CONFIGURED = """
[[channels]]
name = "a"
provider = "openai"
api_key = "k"
models = ["gpt-5.5", "nobodys"]
aliases = { fast = "gpt-5.5" }
[[profiles]]
name = "default"
rules = [
  { model = "claude-opus-5", targets = [{ channel = "a", model = "gpt-5.5" }] },
  { model = "lost", targets = [{ channel = "a", model = "gone" }] },
]
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def test_what_can_be_asked_for_is_listed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "models") == "Nothing can be asked for.\n"
    (tmp_path / "dragoman.toml").write_text(CONFIGURED)
    head, *lines = said(capsys, "models").splitlines()

    assert head.split() == ["name", "goes", "to", "context", "in", "/", "out", "profiles", "keys"]
    assert [line.split()[:2] for line in lines] == [
        ["claude-opus-5", "a/gpt-5.5"],
        ["fast", "a/gpt-5.5"],
        ["gpt-5.5", "a/gpt-5.5"],
        ["lost", "a/gone"],
        ["nobodys", "a/nobodys"],
    ]
    assert "1,050,000" in lines[0]
    assert "USD" in lines[0]
    assert lines[4].split()[2:] == ["-", "-", "default", "-"], "no price is invented"
    said(capsys, "keys", "add", "laptop", "--model", "fast")
    assert [line.split()[0] for line in said(capsys, "models", "--key", "laptop").splitlines()[1:]] == ["fast"]
    assert "no key 'gone'" in said(capsys, "models", "offered", "--key", "gone", code=2)
    assert json.loads(said(capsys, "models", "--json"))[1]["keys"] == ["laptop"]


def test_what_nobody_can_reach_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert "leads to every model" in said(capsys, "models", "unreached")
    (tmp_path / "dragoman.toml").write_text(CONFIGURED)

    assert said(capsys, "models", "unreached").splitlines() == [
        "a/gone (rule 2 of profile 'default', for 'lost'): no such model is known there, but it is asked for.",
        "a/nobodys: no rule leads to it; it can be asked for by its name.",
    ]
    (tmp_path / "dragoman.toml").write_text(CONFIGURED.replace('name = "a"\n', 'name = "a"\nenabled = false\n'))
    assert "its channel is switched off" in said(capsys, "models", "unreached", code=1)


def test_the_doctor_tells_of_targets_that_lead_nowhere(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text(CONFIGURED)
    grades = {one.about: one.grade for one in examine(None, offline=True)}
    assert grades["profile 'default', rule 2"] == "note"

    (tmp_path / "dragoman.toml").write_text(CONFIGURED.replace('name = "a"\n', 'name = "a"\nenabled = false\n'))
    grades = {one.about: one.grade for one in examine(None, offline=True)}
    assert grades["profile 'default', rule 1"] == "warning"


def test_a_model_is_described_by_hand(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "m.toml").write_text('name = "gpt-5.5"\ntitle = "Big"\ncontext = 10\n')

    assert said(capsys, "models", "put", "m.toml") == "gpt-5.5 is added.\n"
    assert json.loads(said(capsys, "models", "show", "gpt-5.5"))["spec"]["title"] == "Big"
    (tmp_path / "dragoman.toml").write_text(CONFIGURED)
    assert said(capsys, "models").splitlines()[3].split()[:3] == ["gpt-5.5", "a/gpt-5.5", "10"]
    assert said(capsys, "models", "remove", "gpt-5.5") == "gpt-5.5 is removed.\n"
