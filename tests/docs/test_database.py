"""What the page on the database says is what the code does."""

from __future__ import annotations

from dragoman.store import keys, opening, unlock, vault
from tests.docs.pages import DOCS

PAGE = (DOCS / "database.md").read_text(encoding="utf-8")


def test_the_pattern_for_secret_scanners_is_the_real_one() -> None:
    assert f"\n{keys.PATTERN.pattern}\n" in PAGE
    assert f"{keys.PUBLIC} characters that name it, {keys.SECRET} of secret and {keys.CHECK} of checksum" in PAGE


def test_the_files_are_called_as_the_page_says() -> None:
    for name in (opening.DATABASE_FILE, f"data_dir/{opening.BACKUPS}", f"data_dir/{unlock.KEY_FILE}"):
        assert f"`{name}`" in PAGE


def test_the_shortest_master_key_is_the_one_the_page_tells() -> None:
    assert f"at least {vault.LEAST_MASTER}\ncharacters" in PAGE
