"""What cannot be read, or is in use, as the commands tell it."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.cli.spoken import said
from tests.cli.test_manage import CHANNEL

PROFILE = 'name = "p"\n[[rules]]\nmodel = "x"\ntargets = [{channel = "a", model = "m"}]\n'


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_DATA", str(tmp_path / "data"))
    monkeypatch.chdir(tmp_path)


def test_a_row_that_cannot_be_read_is_listed_and_written_anew(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.toml").write_text(CHANNEL)
    said(capsys, "channels", "put", "a.toml")
    with closing(sqlite3.connect(tmp_path / "data" / "dragoman.db")) as database, database:
        database.execute("UPDATE configured SET spec = json_set(spec, '$.priority', 2e9)")
    told = said(capsys, "channels", "list")
    assert "channel 'a' cannot be read" in told
    assert "priority" in said(capsys, "db", "check", code=1)
    assert said(capsys, "channels", "put", "a.toml").startswith("a is changed.\n")
    assert "cannot be read" not in said(capsys, "channels", "list")


def test_a_channel_in_use_is_removed_by_force_and_one_line_tells_what_is_closed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "a.toml").write_text(CHANNEL)
    (tmp_path / "p.toml").write_text(PROFILE)
    said(capsys, "channels", "put", "a.toml")
    said(capsys, "profiles", "put", "p.toml")
    assert "used by profile 'p'" in said(capsys, "channels", "remove", "a", code=2)
    assert "used by profile 'p'" in said(capsys, "channels", "bulk", "a", "--remove", code=2)
    assert said(capsys, "channels", "bulk", "a", "--remove", "--force") == "All of them are removed.\n"
    assert said(capsys, "profiles", "disable", "p").count("is not used") <= 1
