"""Who may sign in, how they are known again, and what a page of another site cannot do."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from tests.admin.stage import PASSWORD, house


def test_the_first_user_is_made_with_the_token_of_the_start_and_only_once(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            stranger = place.visitor()
            assert (await stranger.ask("GET", "/api/v1/welcome")).json == {
                "set_up": False,
                "passwords": True,
                "sso": [],
            }
            wrong = {"token": "x", "login": "mallory", "password": PASSWORD}
            assert (await stranger.ask("POST", "/api/v1/setup", wrong)).json["code"] == "setup_token"
            admin = await place.admin()
            assert (await admin.ask("GET", "/api/v1/session")).json["role"] == "admin"
            again = {"token": place.gateway.setup.text, "login": "eve", "password": PASSWORD}
            assert (await stranger.ask("POST", "/api/v1/setup", again)).status == 409

    asyncio.run(scene())


def test_nobody_signs_in_with_what_is_wrong_or_usual(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            await place.admin()
            for login, password in [("root", "admin"), ("admin", "admin"), ("root", ""), ("nobody", PASSWORD)]:
                told = await place.visitor().sign_in(login, password)
                assert (told.status, told.json["code"]) in ((401, "wrong_login"), (429, "slow_down"))
                assert not told.cookies
            assert (await place.visitor(address="10.0.0.1").sign_in("root")).status in (200, 429)

    asyncio.run(scene())


def test_a_session_ends_when_its_user_signs_out(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            stolen = place.visitor()
            stolen.cookie = admin.cookie
            assert (await stolen.ask("GET", "/api/v1/session")).status == 200
            assert (await admin.ask("DELETE", "/api/v1/session")).status == 204
            assert "dragoman=" not in admin.cookie
            assert (await stolen.ask("GET", "/api/v1/session")).status == 401

    asyncio.run(scene())


def test_the_cookie_is_for_this_host_and_no_script(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path, {"DRAGOMAN_TRUSTED_PROXIES": "127.0.0.1", "DRAGOMAN_HOSTS": "gate.test"}) as place:
            await place.admin()
            plain = (await place.visitor().sign_in("root")).cookies[0]
            assert {"HttpOnly", "SameSite=strict", "Path=/"} <= set(plain.split("; "))
            safe = await place.visitor().ask(
                "POST",
                "/api/v1/session",
                {"login": "root", "password": PASSWORD},
                {"host": "gate.test", "x-forwarded-proto": "https", "x-forwarded-for": "9.9.9.9"},
            )
            assert safe.cookies[0].startswith("__Host-dragoman=")
            assert {"HttpOnly", "SameSite=strict", "Path=/", "Secure"} <= set(safe.cookies[0].split("; "))

    asyncio.run(scene())


@pytest.mark.parametrize(
    "headers",
    [
        {"sec-fetch-site": "cross-site"},
        {"sec-fetch-site": "same-site"},
        {"origin": "http://evil.test"},
        {"origin": "null"},
        {"x-dragoman-csrf": ""},
        {"x-dragoman-csrf": "0" * 64},
        {"content-type": "text/plain"},
        {"content-type": "application/x-www-form-urlencoded"},
    ],
)
def test_a_page_of_another_site_changes_nothing(tmp_path: Path, headers: dict[str, str]) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            told = await admin.ask("POST", "/api/v1/projects", {"spec": {"name": "red"}}, headers)
            assert told.status in (403, 415)
            assert (await admin.ask("GET", "/api/v1/projects")).json == []
            assert (await admin.ask("POST", "/api/v1/projects", {"spec": {"name": "red"}})).status == 201

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("site", "status"), [("same-site", 401), ("cross-site", 401), ("same-origin", 200), ("none", 200)]
)
def test_a_page_of_another_site_is_shown_nothing(tmp_path: Path, site: str, status: int) -> None:
    """The browser sends the cookie along from another port of this host."""

    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            told = await admin.ask("GET", "/api/v1/configuration.yaml", headers={"sec-fetch-site": site})
            assert told.status == status

    asyncio.run(scene())


@pytest.mark.parametrize("host", ["evil.test", "127.0.0.1.evil.test", "", "localhost.evil.test:8090"])
def test_a_name_of_another_host_leads_nowhere(tmp_path: Path, host: str) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            assert (await place.visitor().ask("GET", "/api/v1/welcome", headers={"host": host})).status == 421
            for own in ("localhost", "[::1]:8090", "192.168.1.5:8090"):
                assert (await place.visitor().ask("GET", "/api/v1/welcome", headers={"host": own})).status == 200

    asyncio.run(scene())
