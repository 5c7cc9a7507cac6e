"""Users, invitations, tokens, roles and service accounts by hand, on one's own database and on a gateway elsewhere."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from dragoman.store.keys import INVITATION, TOKEN, is_well_formed
from tests.admin.test_canaries import running
from tests.cli.spoken import said

PASSWORD = "correct horse battery"


@pytest.fixture(autouse=True)
def _home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DRAGOMAN_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("DRAGOMAN_PASSWORD", PASSWORD)
    monkeypatch.chdir(tmp_path)


def test_people_are_kept_on_ones_own_database(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "web.toml").write_text('name = "web"')
    (tmp_path / "dev.toml").write_text('name = "dev"\nscopes = ["keys:read", "exchanges:read"]')
    said(capsys, "projects", "put", "web.toml")
    assert said(capsys, "roles", "put", "dev.toml") == "dev is added.\n"
    assert "keys:read" in said(capsys, "roles", "scopes")
    assert said(capsys, "users", "add", "root", "--role", "admin") == "root may sign in as admin.\n"
    anna = said(capsys, "users", "add", "anna", "--role", "dev", "--project", "web")
    assert anna == "anna may sign in as dev in web.\n"
    both = said(capsys, "users", "add", "eli", "--role", "viewer", "--member", "web=dev")
    assert both == "eli may sign in as viewer, dev in web.\n"
    assert said(capsys, "users", "add", "bob", "--member", "web=dev") == "bob may sign in as dev in web.\n"
    assert said(capsys, "users", "role", "bob", "viewer") == "bob is viewer now.\n"
    assert said(capsys, "users", "member", "bob", "web", "") == "bob is no member any more in web.\n"
    assert said(capsys, "users", "disable", "bob") == "bob is disabled.\n"
    listed = {user["login"]: user for user in json.loads(said(capsys, "users", "list", "--json"))}
    assert listed["anna"]["memberships"] == {"web": "dev"}
    assert (listed["bob"]["role"], listed["bob"]["state"]) == ("viewer", "disabled")
    assert "last admin" in said(capsys, "users", "remove", "root", code=2)
    assert "no role 'boss'" in said(capsys, "users", "role", "bob", "boss", code=2)
    assert "names no project" in said(capsys, "users", "add", "eve", "--member", "web", code=2)
    assert "no user 'eve'" in said(capsys, "users", "remove", "eve", code=2)
    assert said(capsys, "users", "remove", "bob") == "bob is removed.\n"


def test_a_password_may_come_by_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DRAGOMAN_PASSWORD")
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{PASSWORD}\n"))
    assert said(capsys, "users", "add", "anna") == "anna may sign in as viewer.\n"
    assert "nobody to ask for the password. Set DRAGOMAN_PASSWORD" in said(capsys, "users", "add", "bob", code=2)


def test_tokens_and_service_accounts_are_kept_on_ones_own_database(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web.toml").write_text('name = "web"')
    said(capsys, "projects", "put", "web.toml")
    said(capsys, "services", "add", "ci", "--project", "web", "--member", "web=viewer")
    assert "web=viewer" in said(capsys, "services", "list")
    words = ("--login", "ci", "--scope", "keys:read", "--address", "10.0.0.0/8", "--days", "3")
    text = said(capsys, "tokens", "add", "pipeline", *words).splitlines()[0]
    assert is_well_formed(text, TOKEN)
    listed = said(capsys, "tokens", "list")
    assert text not in listed
    assert "keys:read" in listed
    assert said(capsys, "tokens", "revoke", text[:12]) == "pipeline of ci opens nothing any more.\n"
    assert "0 tokens begin" in said(capsys, "tokens", "revoke", text[:12], code=2)
    assert "Whose token" in said(capsys, "tokens", "add", "x", code=2)
    assert said(capsys, "services", "disable", "ci") == "ci is disabled.\n"
    assert said(capsys, "services", "remove", "ci") == "ci is removed.\n"


def test_an_invitation_is_made_listed_and_taken_back(capsys: pytest.CaptureFixture[str]) -> None:
    text = said(capsys, "users", "invite", "--role", "viewer", "--uses", "3").splitlines()[0]
    assert is_well_formed(text, INVITATION)
    assert text[:16] in said(capsys, "users", "invitations")
    assert said(capsys, "users", "revoke", text[:12]) == "The invitation is taken back.\n"
    assert "0 invitations begin" in said(capsys, "users", "revoke", text[:12], code=2)


def test_a_gateway_elsewhere_is_managed_from_its_first_admin_on(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with running(tmp_path, tmp_path / "log") as gateway:
        url = ("--url", f"http://127.0.0.1:{gateway.port}")
        said(capsys, "users", "first", "root", "--setup-token", gateway.token, *url)
        assert "Sign in first" in said(capsys, "users", "list", *url, code=2)
        token = said(capsys, "tokens", "add", "mine", "--login", "root", *url).splitlines()[0]
        monkeypatch.setenv("DRAGOMAN_TOKEN", token)
        assert "root" in said(capsys, "users", "list", *url)
        invitation = said(capsys, "users", "invite", "--role", "viewer", *url).splitlines()[0]
        assert "may sign in" in said(capsys, "users", "accept", "guest", "--invitation", invitation, *url)
        less = said(capsys, "tokens", "add", "less", "--scope", "channels:read", *url).splitlines()[0]
        assert said(capsys, "tokens", "revoke", token[:12], *url) == "mine of root opens nothing any more.\n"
        monkeypatch.setenv("DRAGOMAN_TOKEN", less)
        assert "name" in said(capsys, "channels", "list", *url)
        assert "users:read" in said(capsys, "users", "list", *url, code=2)
