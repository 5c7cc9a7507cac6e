"""Signing in is managed by hand as well: passwords, sessions, second factors and identity providers."""

from __future__ import annotations

import base64
import json
import time
from pathlib import Path
from typing import Any

import pytest

from dragoman.cli.desk import admin_api
from dragoman.web.admin.totp import STEP_MS, code_of
from tests.cli.spoken import said

PASSWORD = "correct horse battery"
PROVIDER = """
name = "corp"
issuer = "https://id.test"
client_id = "dragoman"
client_secret = "s3cret-of-ours"
role = "viewer"
"""
GRANTS = """
[[grants]]
pattern = "team-.*"
role = "operator"
[[grants]]
group = "staff"
[grants.memberships]
red = "viewer"
"""


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DRAGOMAN_PASSWORD", PASSWORD)
    monkeypatch.chdir(tmp_path)


def proposed(login: str) -> str:
    """The code of a second factor that was asked for."""
    claim: Any = {"login": login, "password": PASSWORD}
    secret = admin_api(None, None).ask("POST", "/session/second-factor", claim).json["secret"]
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    return code_of(key, time.time_ns() // 1_000_000 // STEP_MS)


def test_a_second_factor_is_made_listed_and_taken_away(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    said(capsys, "users", "add", "anna")
    assert said(capsys, "users", "second-factors") == "Nobody has one.\n"
    monkeypatch.setenv("DRAGOMAN_CODE", proposed("anna"))
    told = said(capsys, "users", "enrol", "anna")
    assert len([line for line in told.splitlines() if line.count("-") == 3]) == 10
    assert said(capsys, "users", "second-factors") == "anna\n"
    assert "signed out of 1 sessions" in said(capsys, "users", "sign-out", "anna")
    assert "no second factor any more" in said(capsys, "users", "reset-factor", "anna")
    assert "has no second factor" in said(capsys, "users", "reset-factor", "anna", code=2)
    assert "signed out everywhere" in said(capsys, "users", "password", "anna")
    assert "There is no user 'eve'" in said(capsys, "users", "password", "eve", code=2)


def test_an_identity_provider_is_put_shown_and_removed(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "corp.toml").write_text(PROVIDER)
    assert said(capsys, "sso", "put", "corp.toml") == "corp is added.\n"
    shown = json.loads(said(capsys, "sso", "show", "corp"))
    assert shown["spec"]["client_secret"].startswith("sealed:")
    assert "s3cret" not in said(capsys, "export")
    assert said(capsys, "sso", "disable", "corp") == "corp is disabled.\n"
    assert "There is no such identity provider" in said(capsys, "sso", "test", "corp", code=2)
    (tmp_path / "bad.toml").write_text(PROVIDER.replace("https", "http"))
    assert "https" in said(capsys, "sso", "put", "bad.toml", code=2)
    assert said(capsys, "sso", "remove", "corp") == "corp is removed.\n"


def test_what_is_exported_is_taken_in_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "corp.toml").write_text(PROVIDER + GRANTS)
    said(capsys, "sso", "put", "corp.toml")
    said(capsys, "settings", "set", "second_factor", "required")
    assert "None of these is an admin" in said(capsys, "settings", "set", "passwords_for", '["root"]', code=2)
    said(capsys, "users", "add", "root", "--role", "admin")
    said(capsys, "settings", "set", "passwords_for", '["root"]')
    text = said(capsys, "export")
    (tmp_path / "all.yaml").write_text(text)
    assert said(capsys, "import", "all.yaml") == "3 unchanged\n"
    moved = text.replace("https://id.test", "https://evil.test")
    (tmp_path / "moved.yaml").write_text(moved)
    assert "client_secret` anew" in said(capsys, "import", "moved.yaml", code=1)
    assert "id.test" in said(capsys, "sso", "show", "corp")
    (tmp_path / "bad.yaml").write_text(moved.replace("team-.*", "(a+)+"))
    assert "repeats a group" in said(capsys, "import", "bad.yaml", code=1)


@pytest.mark.parametrize(
    ("name", "value"),
    [("second_factor", "sometimes"), ("second_factor", "true"), ("passwords_for", "[]"), ("passwords_for", '[""]')],
)
def test_a_setting_that_cannot_be_used_is_refused(capsys: pytest.CaptureFixture[str], name: str, value: str) -> None:
    assert name in said(capsys, "settings", "set", name, value, code=2)
