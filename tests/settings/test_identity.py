"""Identity providers of the configuration file: checked at the start, used at once, never shown with their secret."""

from __future__ import annotations

import asyncio
import re
import tomllib
from pathlib import Path

import msgspec
import pytest

from dragoman.settings.load import load
from dragoman.settings.record import Flags, Settings, SettingsRefused
from dragoman.shapes.sso import SsoTable, faults_of_sso
from dragoman.store.ports import SYSTEM
from tests.admin.stage import house
from tests.docs.pages import text

FILE = """
[[sso]]
name = "corp"
title = "Example Corp"
issuer = "http://id.internal/realm"
client_id = "dragoman"
client_secret = "env:OURS"
role = "viewer"
"""


def read(folder: Path, content: str) -> Settings:
    """The configuration that a file gives."""
    (folder / "dragoman.toml").write_text(content)
    return load(Flags(), {"OURS": "s3cret-of-ours"}, folder, folder)


def test_a_provider_of_the_file_is_known_with_its_secret(tmp_path: Path) -> None:
    (sso,) = read(tmp_path, FILE).sso
    assert (sso.name, sso.title, sso.source, sso.secret.reveal()) == ("corp", "Example Corp", "file", "s3cret-of-ours")
    assert "s3cret" not in repr(sso)
    assert read(tmp_path, FILE + "enabled = false\n").sso == ()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("http://id.internal/realm", "id.internal"), "issuer"),
        (("env:OURS", "env:THEIRS"), "THEIRS"),
        (('name = "corp"', 'name = "a/b"'), "name"),
        (('role = "viewer"', 'roll = "viewer"'), "roll"),
        (('role = "viewer"', "create = true"), "role"),
        (('role = "viewer"', 'link = "email"'), "link"),
        (('role = "viewer"', 'scopes = ["email"]'), "openid"),
        (('role = "viewer"', 'grants = [{ pattern = "(a+)+", role = "viewer" }]'), "repeats"),
        (("[[sso]]", FILE + "[[sso]]"), "Two identity providers"),
    ],
)
def test_what_is_wrong_with_a_provider_is_told_at_the_start(
    tmp_path: Path, change: tuple[str, str], words: str
) -> None:
    with pytest.raises(SettingsRefused) as refused:
        read(tmp_path, FILE.replace(*change, 1))
    assert words in str(refused.value)


def test_the_file_goes_before_the_database(tmp_path: Path) -> None:
    (tmp_path / "dragoman.toml").write_text(FILE)

    async def scene() -> None:
        async with house(tmp_path, {"OURS": "s3cret-of-ours"}) as place:
            await place.store.configuration.sso.add(
                SYSTEM, SsoTable(name="corp", issuer="https://evil.test", client_id="x", role="admin")
            )
            await place.store.configuration.sso.add(
                SYSTEM, SsoTable(name="other", issuer="https://id.test", client_id="x", role="viewer")
            )
            while len(place.gateway.live.sso) < 2:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.001)
            assert [(one.name, one.source) for one in place.gateway.live.sso] == [
                ("corp", "file"),
                ("other", "database"),
            ]
            told = await place.visitor().ask("GET", "/api/v1/welcome")
            assert told.json["sso"] == [{"name": "corp", "title": "Example Corp"}, {"name": "other", "title": "other"}]

    asyncio.run(scene())


def test_the_example_of_the_page_can_be_used() -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", text("sso.md"), re.DOTALL)
    assert faults_of_sso(msgspec.convert(tomllib.loads(example), SsoTable)) == []


def test_every_key_is_explained_on_the_page() -> None:
    page = text("sso.md")
    assert [name for name in SsoTable.__struct_fields__ if f"| `{name}` |" not in page and name != "grants"] == []
