"""`dragoman db` as whoever looks after a database uses it."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Done, run

DATA = {"DRAGOMAN_DATA": "data"}


def db(folder: Path, *words: str, **environ: str) -> Done:
    """The command's end, on a database in the folder."""
    return run(folder, "db", *words, environ={**DATA, **environ})


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a database."""
    assert db(tmp_path, "upgrade").code == 0
    return tmp_path


def test_a_new_database_is_made_checked_copied_and_restored(folder: Path) -> None:
    assert (folder / "data" / "dragoman.db").exists()
    assert db(folder, "check").out == "The database is sound.\n"
    written = db(folder, "backup", "copy.gz")
    assert written.code == 0
    assert "copy.gz" in written.out
    refused = db(folder, "restore", "copy.gz")
    assert refused.code == 2
    assert "--replace" in refused.err
    assert db(folder, "restore", "--replace", "copy.gz").code == 0
    assert db(folder, "check").code == 0


def test_what_a_check_finds_is_told_by_its_exit_code(folder: Path) -> None:
    (folder / "data" / "dragoman.db").write_bytes(b"x" * 8192)
    found = db(folder, "check")
    assert found.code == 1
    assert "damaged" in found.out
    assert "Traceback" not in found.err


def test_a_key_is_changed_by_where_the_new_one_is(folder: Path) -> None:
    assert db(folder, "check").code == 0
    assert db(folder, "rotate-key").code == 0
    changed = db(folder, "rotate-key", "--new", "env:NEW", NEW="n" * 40)
    assert changed.code == 0
    assert "n" * 40 not in changed.out
    assert "sealed with master key" in db(folder, "check").out
    assert db(folder, "check", DRAGOMAN_MASTER_KEY="n" * 40).out == "The database is sound.\n"


def test_a_master_key_is_not_taken_from_the_command_line(folder: Path) -> None:
    refused = db(folder, "rotate-key", "--new", "n" * 40)
    assert refused.code == 2
    assert "env:NAME or file:PATH" in refused.err
    assert db(folder, "rotate-key", "--new", "env:NOTHING").code == 2


def test_a_backup_that_is_not_there_is_told_without_a_traceback(folder: Path) -> None:
    refused = db(folder, "restore", "--replace", "nothing.gz")
    assert refused.code == 2
    assert "does not exist" in refused.err
    assert "Traceback" not in refused.err
