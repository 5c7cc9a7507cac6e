"""What is set for the whole gateway can be listed, set and left to what is usual again."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.spoken import said
from tests.cli.test_manage import CHANNEL


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def test_a_setting_is_set_shown_and_left_alone_again(capsys: pytest.CaptureFixture[str]) -> None:
    assert said(capsys, "settings", "set", "strategy", "fastest") == "strategy is fastest.\n"
    assert said(capsys, "settings", "set", "retry", '{"attempts": 2}').startswith('retry is {"attempts":2')
    shown = {one["name"]: one for one in json.loads(said(capsys, "settings", "list", "--json"))}
    assert (shown["strategy"]["value"], shown["strategy"]["source"]) == ("fastest", "database")
    assert shown["direct"]["value"] is True
    assert said(capsys, "settings", "unset", "strategy") == "strategy is weighted.\n"
    assert "weighted" in said(capsys, "settings", "list")
    assert said(capsys, "settings", "set", "second_factor", "required") == "second_factor is required.\n"
    assert said(capsys, "settings", "unset", "second_factor") == "second_factor is optional.\n"
    assert said(capsys, "settings", "unset", "balances_minutes") == "balances_minutes is not set.\n"


@pytest.mark.parametrize(
    ("words", "why"),
    [
        (("second_factor", "requird"), "It may be: optional, required."),
        (("stratgy", "x"), "There is no setting 'stratgy'"),
        (("retry", '{"attempts": 99}'), "not right"),
        (("breaker", '{"rest_s": 50, "longest_s": 20}'), "shorter than the first"),
    ],
)
def test_a_value_that_cannot_be_used_is_refused(
    capsys: pytest.CaptureFixture[str], words: tuple[str, str], why: str
) -> None:
    assert why in said(capsys, "settings", "set", *words, code=2)


def test_what_the_file_says_cannot_be_set_here(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "dragoman.toml").write_text("[settings]\ndirect = false\n")
    shown = {one["name"]: one for one in json.loads(said(capsys, "settings", "list", "--json"))}
    assert (shown["direct"]["value"], shown["direct"]["changeable"]) == (False, False)
    assert "goes before what is set here" in said(capsys, "settings", "set", "direct", "true", code=2)


def test_the_plan_tells_which_branch_failed_and_what_a_project_may_not_use(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.toml").write_text(CHANNEL)
    said(capsys, "channels", "put", "a.toml")
    (tmp_path / "p.json").write_text(
        json.dumps(
            {
                "name": "default",
                "rules": [
                    {
                        "model": "m",
                        "when": {"any": [{"min_images": 2}, {"headers": {"x-team": "red"}}]},
                        "targets": [{"channel": "*", "model": "m", "effort": "low"}],
                    }
                ],
            }
        )
    )
    said(capsys, "profiles", "put", "p.json")
    assert "1: has 1 images, less than 2; 2: header x-team does not match" in said(capsys, "plan", "m", "--images")
    assert "1. m on a: target 1" in said(capsys, "plan", "m", "--header", "X-Team: red")
    (tmp_path / "q.json").write_text(json.dumps({"name": "q", "channels": {"none": ["a*"]}, "models": ["m"]}))
    said(capsys, "projects", "put", "q.json")
    assert "not a: project 'q' leaves it out: it is excluded" in said(capsys, "plan", "m", "--project", "q")
    assert "may not ask for the model 'n'" in said(capsys, "plan", "n", "--project", "q")
    (tmp_path / "all.yaml").write_text(said(capsys, "export"))
    assert said(capsys, "import", "all.yaml") == "3 unchanged\n"
