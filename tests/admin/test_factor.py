"""Second factors: the published codes, each good once, and nothing that could be done half signed in."""

from __future__ import annotations

import asyncio
import base64
import time
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest

from dragoman.web.admin.throttle import ACCOUNT, paces_of
from dragoman.web.admin.totp import AROUND, STEP_MS, address_of, code_of, new_codes, plain_code, step_of
from tests.admin.stage import PASSWORD, House, Told, Visitor, house

SECRET = b"12345678901234567890"


@pytest.mark.parametrize(
    ("second", "code"),
    [
        (59, "94287082"),
        (1111111109, "07081804"),
        (1111111111, "14050471"),
        (1234567890, "89005924"),
        (2000000000, "69279037"),
        (20000000000, "65353130"),
    ],
)
def test_codes_are_those_of_the_rfc(second: int, code: str) -> None:
    """RFC 6238 appendix B, read 2026-11-20."""
    assert code_of(SECRET, second // 30, digits=8) == code


def test_a_code_is_taken_a_step_before_and_after_its_time_and_no_further() -> None:
    code, middle = code_of(SECRET, 100), 100 * STEP_MS
    taken = [step_of(SECRET, code, middle + away * STEP_MS) for away in (-2, -1, 0, 1, 2)]
    assert taken == [None, 100, 100, 100, None]


@pytest.mark.parametrize("text", ["", "000000", "1234567", "١٢٣٤٥٦", "-1", "\x00"])
def test_what_is_no_code_opens_nothing(text: str) -> None:
    assert step_of(SECRET, text, 0) is None


def test_a_code_may_be_typed_as_people_type() -> None:
    code = new_codes()[0]
    assert plain_code(code.upper().replace("-", " ")) == code
    assert plain_code(" 123 456 ") == "123456"


def test_an_authenticator_reads_the_address() -> None:
    told = address_of(SECRET, "anna@example.org")
    assert told.startswith("otpauth://totp/Dragoman%3Aanna%40example.org?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&")


class Phone:
    """An authenticator. Mutable: it tells a later code each time, as if somebody waited."""

    def __init__(self, secret: str) -> None:
        self._secret = base64.b32decode(secret + "=" * (-len(secret) % 8))
        self._last = 0

    def code(self) -> str:
        """The next code; three of them may be told within one step."""
        self._last = max(self._last + 1, time.time_ns() // 1_000_000 // STEP_MS - AROUND)
        return code_of(self._secret, self._last)


def claim(login: str = "root", **more: str) -> dict[str, str]:
    """What is told to prove who one is."""
    return {"login": login, "password": PASSWORD, **more}


async def enrolled(visitor: Visitor, login: str = "root") -> tuple[Phone, Told]:
    """An authenticator that was confirmed, and the answer to that."""
    told = await visitor.ask("POST", "/api/v1/session/second-factor", claim(login))
    assert told.status == 200, told.body
    phone = Phone(told.json["secret"])
    done = await visitor.ask("PUT", "/api/v1/session/second-factor", claim(login, code=phone.code()))
    assert done.status == 200, done.body
    visitor.csrf = done.json["csrf"]
    return phone, done


def run(folder: Path, scene: Callable[[House, Visitor], Coroutine[Any, Any, None]]) -> None:
    """A scene with a gateway and its first admin."""

    async def whole() -> None:
        async with house(folder) as place:
            await scene(place, await place.admin())

    asyncio.run(whole())


def test_a_password_alone_gives_no_cookie_where_there_is_a_second_factor(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        phone, _ = await enrolled(admin)
        half = place.visitor()
        told = await half.sign_in("root")
        assert (told.status, told.json["code"], told.cookies) == (401, "second_factor", ())
        assert (await half.ask("GET", "/api/v1/session")).status == 401
        whole = await half.ask("POST", "/api/v1/session", claim(code=phone.code()))
        assert (whole.status, whole.json["means"]) == (200, "second_factor")

    run(tmp_path, scene)


def test_each_code_opens_once(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        phone, _ = await enrolled(admin)
        code = phone.code()
        asked = [place.visitor().ask("POST", "/api/v1/session", claim(code=code)) for _ in range(5)]
        told = sorted([told.status for told in await asyncio.gather(*asked)])
        assert told == [200, 401, 401, 401, 401]

    run(tmp_path, scene)


def test_an_older_code_opens_nothing_once_a_newer_one_did(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        phone, _ = await enrolled(admin)
        older, newer = phone.code(), phone.code()
        assert (await place.visitor().ask("POST", "/api/v1/session", claim(code=newer))).status == 200
        assert (await place.visitor().ask("POST", "/api/v1/session", claim(code=older))).json["code"] == "wrong_code"

    run(tmp_path, scene)


def test_confirming_ends_the_sessions_that_began_without_it(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        other = place.visitor()
        await other.sign_in("root")
        await enrolled(admin)
        assert (await other.ask("GET", "/api/v1/session")).status == 401
        assert (await admin.ask("GET", "/api/v1/session")).json["means"] == "second_factor"

    run(tmp_path, scene)


def test_what_is_proposed_is_asked_of_nobody_before_it_is_confirmed(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        await admin.ask("POST", "/api/v1/session/second-factor", claim())
        wrong = await admin.ask("PUT", "/api/v1/session/second-factor", claim(code="000000"))
        assert wrong.json["code"] in ("wrong_code",)
        assert (await place.visitor().sign_in("root")).status == 200

    run(tmp_path, scene)


def test_a_recovery_code_opens_once(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        _, done = await enrolled(admin)
        first, second = done.json["recovery_codes"][:2]
        assert len(done.json["recovery_codes"]) == 10
        assert (await place.visitor().ask("POST", "/api/v1/session", claim(code=first.upper()))).status == 200
        assert (await place.visitor().ask("POST", "/api/v1/session", claim(code=first))).status == 401
        renewed = await place.visitor().ask("POST", "/api/v1/session/recovery-codes", claim(code=second))
        assert renewed.status == 200
        third = done.json["recovery_codes"][2]
        assert (await place.visitor().ask("POST", "/api/v1/session", claim(code=third))).status == 401

    run(tmp_path, scene)


def test_neither_secret_nor_codes_lie_open_in_the_database(tmp_path: Path) -> None:
    found: list[bytes] = []

    async def scene(_: House, admin: Visitor) -> None:
        told = await admin.ask("POST", "/api/v1/session/second-factor", claim())
        secret = base64.b32decode(told.json["secret"] + "=" * (-len(told.json["secret"]) % 8))
        phone = Phone(told.json["secret"])
        done = await admin.ask("PUT", "/api/v1/session/second-factor", claim(code=phone.code()))
        found.extend([secret, told.json["secret"].encode(), *(code.encode() for code in done.json["recovery_codes"])])

    run(tmp_path, scene)
    files = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert len(found) == 12
    assert [one for one in found if one in files] == []


def test_a_second_factor_goes_by_one_of_its_codes_or_by_an_admin(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        made = (
            await admin.ask("POST", "/api/v1/users", {"login": "anna", "role": "viewer", "password": PASSWORD})
        ).json
        anna = place.visitor(address="10.0.0.7")
        await enrolled(anna, "anna")
        assert (await anna.ask("POST", "/api/v1/session/second-factor", claim("anna"))).json["code"] == "has_factor"
        bare = await anna.ask("POST", "/api/v1/session/second-factor/removal", claim("anna"))
        assert (bare.status, bare.json["code"]) == (401, "second_factor")
        assert [one["login"] for one in (await admin.ask("GET", "/api/v1/second-factors")).json] == ["anna"]
        assert (await admin.ask("DELETE", f"/api/v1/users/{made['id']}/second-factor")).status == 204
        assert (await anna.ask("GET", "/api/v1/session")).status == 401
        assert (await anna.sign_in("anna")).status == 200
        actions = [entry["note"]["action"] for entry in (await admin.ask("GET", "/api/v1/audit")).json["entries"]]
        assert {"factor.reset", "factor.remove", "factor.confirm", "factor.propose"} <= set(actions)

    run(tmp_path, scene)


def test_nobody_takes_away_the_second_factor_of_one_who_may_more(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        await enrolled(admin)
        root = next(user for user in (await admin.ask("GET", "/api/v1/users")).json if user["login"] == "root")
        role = {"spec": {"name": "desk", "scopes": ["users:read", "users:write"]}}
        assert (await admin.ask("POST", "/api/v1/roles", role)).status == 201
        said = {"login": "mallory", "role": "desk", "password": PASSWORD}
        assert (await admin.ask("POST", "/api/v1/users", said)).status == 201
        mallory = place.visitor(address="10.0.0.8")
        await mallory.sign_in("mallory")
        assert (await mallory.ask("DELETE", f"/api/v1/users/{root['id']}/second-factor")).status == 403
        own = await admin.ask("DELETE", f"/api/v1/users/{root['id']}/second-factor")
        assert own.json["code"] == "own_factor"

    run(tmp_path, scene)


async def require(admin: Visitor) -> None:
    """Has everybody need a second factor."""
    told = await admin.ask("PUT", "/api/v1/settings/second_factor", {"value": "required"})
    assert told.status == 200, told.body


def test_where_it_is_required_a_session_without_it_opens_nothing(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        await require(admin)
        while place.gateway.live.tuning.second_factor != "required":  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)
        for method, path in (("GET", "/api/v1/session"), ("GET", "/api/v1/users"), ("GET", "/api/v1/settings")):
            told = await admin.ask(method, path)
            assert (told.status, told.json["code"]) == (401, "second_factor_missing")
        again = place.visitor()
        told = await again.sign_in("root")
        assert (told.status, told.json["code"], told.cookies) == (403, "second_factor_missing", ())
        phone, _ = await enrolled(again)
        assert (await again.ask("GET", "/api/v1/users")).status == 200
        removal = await again.ask("POST", "/api/v1/session/second-factor/removal", claim(code=phone.code()))
        assert removal.json["code"] == "required"

    run(tmp_path, scene)


def test_codes_are_guessed_at_no_more_often_than_passwords(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        await enrolled(admin)
        for number in range(ACCOUNT[0] - 2):
            await place.store.sign_in.admit(paces_of("root", f"10.0.0.{number}"))
        told = [
            (await place.visitor(address=f"10.0.1.{n}").ask("POST", "/api/v1/session", claim(code=f"{n:06}"))).status
            for n in range(4)
        ]
        assert told == [401, 401, 429, 429]

    run(tmp_path, scene)


def test_only_those_named_sign_in_with_a_password(tmp_path: Path) -> None:
    async def scene(place: House, admin: Visitor) -> None:
        await admin.ask("POST", "/api/v1/users", {"login": "anna", "role": "viewer", "password": PASSWORD})
        for logins in ([], ["nobody"], ["anna"], [""], "root", [1]):
            assert (await admin.ask("PUT", "/api/v1/settings/passwords_for", {"value": logins})).status == 422
        assert (await admin.ask("PUT", "/api/v1/settings/passwords_for", {"value": ["ROOT"]})).status == 200
        while place.gateway.live.tuning.passwords_for is None:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)
        anna = place.visitor(address="10.0.0.9")
        assert (await anna.sign_in("anna")).json["code"] == "wrong_login"
        assert (await anna.ask("POST", "/api/v1/session/second-factor", claim("anna"))).status == 401
        assert (await anna.ask("GET", "/api/v1/welcome")).json["passwords"] is False
        assert (await place.visitor().sign_in("root")).status == 200

    run(tmp_path, scene)
