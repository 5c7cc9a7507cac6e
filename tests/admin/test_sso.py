"""Signing in by an identity provider: who gets in, what they may do then, and that no lie opens anything."""

from __future__ import annotations

import asyncio
import hashlib
import time
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from msgspec.structs import replace

from dragoman.shapes.sso import GrantTable, SsoTable, faults_of_sso, granted
from dragoman.store.ports import SYSTEM, User
from dragoman.web.admin.oidc import AGAIN_S, FRESH_S, PAUSE_S, Asked, Directory
from dragoman.web.admin.wire import Refusal
from tests.admin.identity import CLIENT, SECRET, Provider, Signer, asked_of, provider, text64
from tests.admin.stage import House, Told, Visitor, house

VIEWERS = (GrantTable(group="staff", role="viewer"),)
START = "/api/v1/session/sso/corp"


@pytest.fixture(scope="session")
def signer() -> Signer:
    """A key for all tests."""
    return Signer()


class Scene:
    """A gateway and an identity provider that it knows."""

    def __init__(self, place: House, there: Provider) -> None:
        self.place, self.there = place, there

    async def know(self, name: str = "corp", there: Provider | None = None, **members: Any) -> None:
        """Has the gateway know a provider."""
        usual: dict[str, Any] = {
            "issuer": (there or self.there).issuer,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "private": True,
            "create": True,
            "role": "viewer",
        }
        table = SsoTable(name=name, **{**usual, **members})
        assert faults_of_sso(table) == []
        await self.place.store.configuration.sso.add(SYSTEM, table)
        while name not in {one.name for one in self.place.gateway.live.sso}:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)

    async def leave(self, visitor: Visitor, name: str = "corp", back: str = "") -> str:
        """Where a browser is led to."""
        told = await visitor.ask("GET", f"/api/v1/session/sso/{name}", query=f"back={back}" if back else "")
        assert told.status == 303, told.body
        return told.headers["location"]

    async def come_back(self, visitor: Visitor, brought: dict[str, str], name: str = "corp", **more: str) -> Told:
        """What a browser is told that comes back with this, from another site."""
        said = {name: value for name, value in {**brought, **more}.items() if name != "redirect"}
        query = "&".join(f"{key}={value}" for key, value in said.items())
        headers = {"sec-fetch-site": "cross-site"}
        return await visitor.ask("GET", f"/api/v1/session/sso/{name}/callback", headers=headers, query=query)

    async def sign_in(self, visitor: Visitor, back: str = "", **claims: Any) -> Told:
        """There and back."""
        location = await self.leave(visitor, back=back)
        return await self.come_back(visitor, self.there.authorize(location, **claims))

    async def user(self, login: str, **members: Any) -> User:
        """A user who is known already."""
        usual: dict[str, Any] = {"role": "viewer", "state": "enabled", "revision": 0, "created_ms": 0, "updated_ms": 0}
        return await self.place.store.people.add(SYSTEM, User(id="", login=login, **{**usual, **members}), "$known$")

    async def users(self) -> dict[str, User]:
        """All users by login."""
        return {user.login: user for user in await self.place.store.people.users()}


def run(folder: Path, signer: Signer, act: Callable[[Scene], Awaitable[None]]) -> None:
    """A scene."""

    async def whole() -> None:
        async with house(folder) as place, provider(signer) as there:
            await act(Scene(place, there))

    asyncio.run(whole())


def in_(told: Told) -> bool:
    """Whether somebody was signed in."""
    return told.status == 200 and any(line.startswith("dragoman=") for line in told.cookies)


def test_somebody_new_is_made_a_user_and_signed_in(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        anna = scene.place.visitor()
        told = await scene.sign_in(anna, back="/api/v1/docs")
        assert in_(told)
        assert b'url=/api/v1/docs"' in told.body
        me = (await anna.ask("GET", "/api/v1/session")).json
        assert (me["login"], me["role"], me["means"]) == ("anna@example.org", "viewer", "sso:corp")
        made = (await scene.users())["anna@example.org"]
        assert (made.subject, made.email) == (f"{scene.there.issuer}|7", "anna@example.org")
        assert in_(await scene.sign_in(scene.place.visitor()))
        assert len(await scene.users()) == 1

    run(tmp_path, signer, act)


def test_what_is_asked_is_bound_to_this_browser(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        first, second = [asked_of(await scene.leave(scene.place.visitor())) for _ in range(2)]
        assert first["code_challenge_method"] == "S256"
        assert first["redirect_uri"] == f"http://127.0.0.1:8090{START}/callback"
        for name in ("state", "nonce", "code_challenge"):
            assert first[name] != second[name]
            assert len(first[name]) == 43
        assert len({first["state"], first["nonce"], first["code_challenge"]}) == 3

    run(tmp_path, signer, act)


LIES: dict[str, dict[str, Any]] = {
    "of another issuer": {"iss": "https://evil.test"},
    "of an issuer with a slash more": {"iss": "/"},
    "for another client": {"aud": "another"},
    "for nobody": {"aud": None},
    "for us and handed on": {"aud": [CLIENT, "another"], "azp": "another"},
    "for several and nobody named": {"aud": [CLIENT, "another"]},
    "for an object": {"aud": {CLIENT: True}},
    "expired": {"exp": 1},
    "without an end": {"exp": None},
    "with a word for an end": {"exp": "9999999999"},
    "with a truth for an end": {"exp": True},
    "of the future": {"iat": 99999999999},
    "of long ago": {"iat": 1_000_000},
    "not valid yet": {"nbf": 99999999999},
    "for another visit": {"nonce": "another"},
    "for no visit": {"nonce": None},
    "about nobody": {"sub": ""},
    "about a number": {"sub": 7},
}


@pytest.mark.parametrize("lie", LIES)
def test_no_token_signs_in_that_is(tmp_path: Path, signer: Signer, lie: str) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        scene.there.lies = dict(LIES[lie])
        if scene.there.lies.get("iss") == "/":
            scene.there.lies["iss"] = scene.there.issuer + "/"
        told = await scene.sign_in(scene.place.visitor())
        assert (told.status, told.cookies) == (502, ())
        assert await scene.users() == {}

    run(tmp_path, signer, act)


@pytest.mark.parametrize(
    "head", [{"alg": "none"}, {"alg": "None"}, {"alg": "HS256"}, {"alg": "RS512"}, {"crit": ["b64"]}]
)
def test_no_algorithm_opens_that_is_not_the_keys_own(tmp_path: Path, signer: Signer, head: dict[str, Any]) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        scene.there.head = head
        assert not in_(await scene.sign_in(scene.place.visitor()))

    run(tmp_path, signer, act)


@pytest.mark.parametrize("alg", ["RS256", "PS256", "ES256", "EdDSA"])
def test_each_accepted_algorithm_signs_in(tmp_path: Path, alg: str) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        assert in_(await scene.sign_in(scene.place.visitor()))

    run(tmp_path, Signer(alg), act)


def test_a_short_key_opens_nothing(tmp_path: Path) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        assert not in_(await scene.sign_in(scene.place.visitor()))

    run(tmp_path, Signer(bits=1024), act)


def test_a_key_of_somebody_else_opens_nothing(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        scene.there.keys = [signer.public]
        scene.there.signer = Signer()
        assert not in_(await scene.sign_in(scene.place.visitor()))

    run(tmp_path, signer, act)


def test_a_new_key_of_the_provider_is_found_but_not_asked_for_more_than_once_a_minute(
    tmp_path: Path, signer: Signer
) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        (sso,) = scene.place.gateway.live.sso
        moment = [0.0]
        directory = Directory(scene.place.gateway.live, lambda: moment[0])

        async def come() -> Mapping[str, Any]:
            verifier = "v" * 43
            challenge = text64(hashlib.sha256(verifier.encode()).digest())
            asked = {"state": "s", "redirect_uri": "r", "nonce": "n", "code_challenge": challenge}
            brought = scene.there.authorize(f"{scene.there.issuer}/authorize?{urlencode(asked)}")
            return await directory.claims(sso, Asked(brought["code"], verifier, "n", "r"))

        assert (await come())["sub"] == "7"
        scene.there.signer = Signer(kid="two")
        moment[0] = AGAIN_S - 1
        with pytest.raises(Refusal):
            await come()
        assert scene.there.asked.count("/keys") == 1
        moment[0] = AGAIN_S + 1
        assert (await come())["sub"] == "7"
        assert scene.there.asked.count("/keys") == 2

    run(tmp_path, signer, act)


def test_a_provider_that_does_not_answer_keeps_nobody(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        (sso,) = scene.place.gateway.live.sso
        scene.there.waits_s = 3600
        with pytest.raises(Refusal) as refused:
            await Directory(scene.place.gateway.live, patience_s=0.05).endpoints(sso)
        assert refused.value.status == 502

    run(tmp_path, signer, act)


def test_those_who_wait_for_a_provider_that_is_away_do_not_wait_for_each_other(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        (sso,) = scene.place.gateway.live.sso
        scene.there.status = 500
        moment = [0.0]
        directory = Directory(scene.place.gateway.live, lambda: moment[0])
        told = await asyncio.gather(*(directory.endpoints(sso) for _ in range(8)), return_exceptions=True)
        assert {type(one) for one in told} == {Refusal}
        assert len(scene.there.asked) == 1
        moment[0], scene.there.status = PAUSE_S, 200
        assert (await directory.endpoints(sso)).issuer == sso.table.issuer

    run(tmp_path, signer, act)


def test_while_a_provider_is_away_what_it_told_is_used(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        (sso,) = scene.place.gateway.live.sso
        moment = [0.0]
        directory = Directory(scene.place.gateway.live, lambda: moment[0])
        known = await directory.endpoints(sso)
        moment[0], scene.there.status = FRESH_S + 1, 500
        assert await directory.endpoints(sso) == known
        with pytest.raises(Refusal):
            await directory.look(sso)

    run(tmp_path, signer, act)


def test_one_key_of_1000_is_found_by_its_name(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        others = [{**signer.public, "kid": f"other{number}"} for number in range(999)]
        scene.there.keys = [*others, {"kty": "new"}, {"kty": 7}, signer.public]
        assert in_(await scene.sign_in(scene.place.visitor()))

    run(tmp_path, signer, act)


@pytest.mark.parametrize(
    "token",
    ["", "a.b", "a.b.c.d", "é.é.é", "e30.e30.e30", "x" * 70_000, "W10.W10.", f"{'A' * 30_000}.{'A' * 30_000}.AA"],
)
def test_what_is_no_token_opens_nothing(tmp_path: Path, signer: Signer, token: str) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        scene.there.raw_token = token
        told = await scene.sign_in(scene.place.visitor())
        assert (told.status, told.cookies) == (502, ())

    run(tmp_path, signer, act)


def test_a_code_and_a_state_are_good_once_and_in_one_browser(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        anna, mallory = scene.place.visitor(), scene.place.visitor()
        brought = scene.there.authorize(await scene.leave(anna))
        await scene.leave(mallory)
        assert (await scene.come_back(mallory, brought)).status == 403
        assert (await scene.come_back(scene.place.visitor(), brought)).status == 403
        copy = scene.place.visitor()
        copy.cookie = anna.cookie
        assert in_(await scene.come_back(anna, brought))
        assert (await scene.come_back(copy, brought)).status == 403

    run(tmp_path, signer, act)


def test_a_code_got_elsewhere_does_not_fit(tmp_path: Path, signer: Signer) -> None:
    """Somebody brings another's code with a state of their own (RFC 9700 section 4.5)."""

    async def act(scene: Scene) -> None:
        await scene.know()
        anna, mallory = scene.place.visitor(), scene.place.visitor()
        stolen = scene.there.authorize(await scene.leave(anna))
        own = asked_of(await scene.leave(mallory))
        assert not in_(await scene.come_back(mallory, {"code": stolen["code"], "state": own["state"]}))

    run(tmp_path, signer, act)


def test_one_provider_cannot_answer_for_another(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        async with provider(Signer()) as evil:
            await scene.know()
            await scene.know("evil", evil)
            anna = scene.place.visitor()
            brought = scene.there.authorize(await scene.leave(anna))
            assert (await scene.come_back(anna, brought, name="evil")).status == 403
            anna = scene.place.visitor()
            brought = scene.there.authorize(await scene.leave(anna))
            told = await scene.come_back(anna, brought, iss="https://evil.test")
            assert (told.status, told.cookies) == (403, ())
            # It signs for the other one, with its own key.
            evil.lies = {"iss": scene.there.issuer}
            evil.claims = {"sub": "7", "email": "anna@example.org", "email_verified": True}
            anna = scene.place.visitor()
            brought = evil.authorize(await scene.leave(anna, "evil"))
            assert not in_(await scene.come_back(anna, brought, name="evil"))

    run(tmp_path, signer, act)


def test_the_same_subject_elsewhere_is_somebody_else(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        async with provider(Signer()) as other:
            await scene.know()
            await scene.know("other", other)
            await scene.sign_in(scene.place.visitor())
            visitor = scene.place.visitor()
            brought = other.authorize(await scene.leave(visitor, "other"))
            told = await scene.come_back(visitor, brought, name="other")
            assert (told.status, told.cookies) == (409, ())

    run(tmp_path, signer, act)


def test_where_a_provider_says_that_it_names_itself_it_must(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        scene.there.metadata = {"authorization_response_iss_parameter_supported": True}
        anna = scene.place.visitor()
        brought = scene.there.authorize(await scene.leave(anna))
        assert (await scene.come_back(anna, brought)).status == 403
        anna = scene.place.visitor()
        brought = scene.there.authorize(await scene.leave(anna))
        assert in_(await scene.come_back(anna, brought, iss=scene.there.issuer))

    run(tmp_path, signer, act)


@pytest.mark.parametrize(
    "back",
    [
        "https://evil.test",
        "//evil.test",
        "/\\evil.test",
        "/%09/evil.test",
        "javascript:alert(1)",
        "\\\\evil.test",
        "/a%0d%0alocation:%20https://evil.test",
        "%2F%2Fevil.test",
        "/" + "x" * 600,
    ],
)
def test_nobody_is_led_to_another_site_afterwards(tmp_path: Path, signer: Signer, back: str) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        told = await scene.sign_in(scene.place.visitor(), back=back)
        assert in_(told)
        assert b'content="0;url=/"' in told.body
        assert b"evil" not in told.body

    run(tmp_path, signer, act)


def test_what_is_told_of_an_error_is_no_page_of_theirs(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        visitor = scene.place.visitor()
        state = asked_of(await scene.leave(visitor))["state"]
        told = await scene.come_back(visitor, {"state": state, "error": "%3Cscript%3Ealert(1)%3C/script%3E"})
        assert told.status == 403
        assert b"<script>" not in told.body
        assert "default-src 'none'" in told.headers["content-security-policy"]

    run(tmp_path, signer, act)


def test_an_address_of_mail_counts_only_where_it_is_verified_and_an_admin_said_so(
    tmp_path: Path, signer: Signer
) -> None:
    async def act(scene: Scene) -> None:
        await scene.know(create=False)
        await scene.know("linking", link="verified_email", create=False, sync="first")
        boss = await scene.user("boss", email="Boss@example.org", role="admin")

        async def come(name: str, **claims: Any) -> Told:
            visitor = scene.place.visitor()
            brought = scene.there.authorize(await scene.leave(visitor, name), **claims)
            return await scene.come_back(visitor, brought, name=name)

        mail = {"sub": "9", "email": "boss@example.org"}
        for verified in (False, None, "yes", 1, "false", "True"):
            assert (await come("linking", **mail, email_verified=verified)).status == 403
        assert (await come("corp", **mail, email_verified=True)).status == 403
        assert (await scene.users())["boss"] == boss
        assert in_(await come("linking", **mail, email_verified=True))
        assert (await scene.users())["boss"].subject.endswith("|9")
        assert (await scene.users())["boss"].role == "admin"
        # Whoever gets the address next is not the one who had it.
        assert (await come("linking", **{**mail, "sub": "10"}, email_verified=True)).status == 403

    run(tmp_path, signer, act)


def test_whoever_waited_under_an_address_of_somebody_loses_the_way_in(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know(link="verified_email")
        await scene.user("mallory", email="anna@example.org")
        assert in_(await scene.sign_in(scene.place.visitor()))
        found = await scene.place.store.people.find(login="mallory")
        assert found is not None
        assert found[1] == ""

    run(tmp_path, signer, act)


def test_two_with_one_address_are_linked_to_nobody(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know(link="verified_email", create=False)
        for login in ("one", "two"):
            await scene.user(login, email="anna@example.org")
        assert (await scene.sign_in(scene.place.visitor())).status == 403

    run(tmp_path, signer, act)


def test_a_name_that_somebody_has_is_not_taken_over(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        known = await scene.user("anna@example.org", role="admin")
        assert (await scene.sign_in(scene.place.visitor())).status == 409
        assert (await scene.users())["anna@example.org"] == known

    run(tmp_path, signer, act)


def test_only_people_of_some_domains_come_in(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know(domains=("example.org",))
        for email, verified in (("a@evil.test", True), ("a@badexample.org", True), ("a@example.org", False)):
            told = await scene.sign_in(scene.place.visitor(), sub=email, email=email, email_verified=verified)
            assert told.status == 403
        assert in_(await scene.sign_in(scene.place.visitor()))

    run(tmp_path, signer, act)


def test_groups_are_looked_at_with_each_sign_in(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        grants = (
            GrantTable(group="admins", role="admin"),
            GrantTable(pattern=r"team-(\w+)", role="operator", memberships={"red": "operator"}),
            GrantTable(group="staff*", role="viewer", memberships={"red": "viewer", "blue": "viewer"}),
        )
        await scene.know(grants=grants, role="")
        await scene.user("root", role="admin")

        async def come(*groups: str) -> tuple[int, str, dict[str, str]]:
            visitor = scene.place.visitor()
            told = await scene.sign_in(visitor, groups=list(groups))
            user = (await scene.users()).get("anna@example.org")
            return told.status, user.role if user else "", dict(user.memberships) if user else {}

        assert await come() == (403, "", {})
        assert await come("staff-7") == (200, "viewer", {"red": "viewer", "blue": "viewer"})
        assert await come("staff", "team-x") == (200, "operator", {"red": "operator", "blue": "viewer"})
        assert await come("admins") == (200, "admin", {})
        assert await come("staff") == (200, "viewer", {"red": "viewer", "blue": "viewer"})
        assert (await come("nothing"))[0] == 403

    run(tmp_path, signer, act)


def test_somebody_who_loses_a_role_there_loses_sessions_here(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know(grants=(GrantTable(group="admins", role="admin"), *VIEWERS), role="")
        await scene.user("root", role="admin")
        before = scene.place.visitor()
        await scene.sign_in(before, groups=["admins"])
        assert (await before.ask("GET", "/api/v1/users")).status == 200
        assert in_(await scene.sign_in(scene.place.visitor(), groups=["staff"]))
        assert (await before.ask("GET", "/api/v1/users")).status == 401

    run(tmp_path, signer, act)


def test_groups_may_count_at_the_first_sign_in_only(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know(grants=VIEWERS, role="", sync="first")
        assert in_(await scene.sign_in(scene.place.visitor(), groups=["staff"]))
        assert in_(await scene.sign_in(scene.place.visitor(), groups=[]))
        assert (await scene.users())["anna@example.org"].role == "viewer"

    run(tmp_path, signer, act)


def test_the_last_admin_stays_one_whatever_the_provider_says(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know(grants=(GrantTable(group="admins", role="admin"), *VIEWERS), role="")
        assert in_(await scene.sign_in(scene.place.visitor(), groups=["admins"]))
        assert in_(await scene.sign_in(scene.place.visitor(), groups=["staff"]))
        assert (await scene.users())["anna@example.org"].role == "admin"

    run(tmp_path, signer, act)


def test_groups_come_from_deeper_and_from_the_users_own_page(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know(grants=VIEWERS, role="", groups_claim="realm_access.roles")
        scene.there.userinfo = {"sub": "7", "realm_access": {"roles": ["staff"]}, "email": "evil@example.org"}
        assert in_(await scene.sign_in(scene.place.visitor()))
        assert list(await scene.users()) == ["anna@example.org"]
        scene.there.userinfo = {"sub": "8", "realm_access": {"roles": ["staff"]}}
        assert (await scene.sign_in(scene.place.visitor())).status == 502

    run(tmp_path, signer, act)


def test_too_many_groups_to_be_told_of_are_said_to_be(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know(grants=VIEWERS, role="viewer")
        told = await scene.sign_in(scene.place.visitor(), _claim_names={"groups": "src1"})
        assert told.status == 403
        assert b"too many groups" in told.body

    run(tmp_path, signer, act)


def test_a_user_who_is_switched_off_does_not_come_in(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        await scene.sign_in(scene.place.visitor())
        anna = (await scene.users())["anna@example.org"]
        await scene.place.store.people.change(SYSTEM, replace(anna, state="disabled"))
        assert (await scene.sign_in(scene.place.visitor())).status == 403

    run(tmp_path, signer, act)


def test_a_browser_is_led_to_the_provider_to_sign_out_there_too(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        assert (await scene.place.visitor().ask("GET", f"{START}/sign-out")).status == 404
        await scene.know("leaving")
        scene.there.metadata = {"end_session_endpoint": f"{scene.there.issuer}/logout?realm=x"}
        told = await scene.place.visitor().ask("GET", "/api/v1/session/sso/leaving/sign-out")
        assert told.status == 303
        asked = asked_of(told.headers["location"])
        assert asked == {"realm": "x", "client_id": CLIENT, "post_logout_redirect_uri": "http://127.0.0.1:8090/"}

    run(tmp_path, signer, act)


def test_sessions_end_with_their_provider(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        anna = scene.place.visitor()
        await scene.sign_in(anna)
        (row,) = await scene.place.store.configuration.sso.all()
        await scene.place.store.configuration.sso.change(SYSTEM, row.id, row.revision, state="disabled")
        while scene.place.gateway.live.sso:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)
        assert (await anna.ask("GET", "/api/v1/session")).status == 401
        assert (await anna.ask("GET", START)).status == 404

    run(tmp_path, signer, act)


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.test"},
        {"issuer": None},
        {"token_endpoint": "file:///etc/passwd"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"jwks_uri": "http://169.254.169.254/latest/meta-data"},
        {"jwks_uri": "http://127.0.0.1:1/keys"},
        {"jwks_uri": 7},
        {"end_session_endpoint": "javascript:alert(1)"},
        {"userinfo_endpoint": "ftp://127.0.0.1/me"},
    ],
)
def test_a_provider_that_tells_what_it_must_not_is_not_used(
    tmp_path: Path, signer: Signer, metadata: dict[str, Any]
) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        scene.there.metadata = metadata
        told = await scene.place.visitor().ask("GET", START)
        assert (told.status, told.json["code"]) == (502, "identity_provider")
        assert "location" not in told.headers

    run(tmp_path, signer, act)


def test_a_provider_within_the_house_needs_an_admins_word(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        table = SsoTable(name="corp", issuer="https://127.0.0.1:9", client_id=CLIENT, role="viewer")
        await scene.place.store.configuration.sso.add(SYSTEM, table)
        while not scene.place.gateway.live.sso:  # noqa: ASYNC110 - nothing tells of it
            await asyncio.sleep(0.001)
        assert (await scene.place.visitor().ask("GET", START)).status == 502
        assert scene.there.asked == []

    run(tmp_path, signer, act)


def test_a_provider_that_fails_or_is_away_signs_nobody_in(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        location = await scene.leave(visitor := scene.place.visitor())
        scene.there.status = 500
        told = await scene.come_back(visitor, scene.there.authorize(location))
        assert (told.status, told.cookies) == (502, ())
        assert b"log" in told.body

    run(tmp_path, signer, act)


def test_what_many_ask_of_a_slow_provider_is_asked_once(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        scene.there.waits_s = 0.05
        asked = [scene.place.visitor(address=f"10.0.0.{n}").ask("GET", START) for n in range(8)]
        assert {told.status for told in await asyncio.gather(*asked)} == {303}
        assert scene.there.asked == ["/.well-known/openid-configuration", "/keys"]

    run(tmp_path, signer, act)


def test_leaving_again_and_again_is_slowed(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        told = [(await scene.place.visitor().ask("GET", START)).status for _ in range(40)]
        assert told[:20] == [303] * 20
        assert told[-1] == 429

    run(tmp_path, signer, act)


def test_the_clients_secret_goes_to_the_provider_alone(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        told = await scene.sign_in(scene.place.visitor())
        assert SECRET.encode() not in told.body
        (row,) = await scene.place.store.configuration.sso.all()
        assert row.spec.client_secret.startswith("sealed:")
        assert [headers for headers in scene.there.headers if "authorization" in headers] != []
        scene.there.metadata = {"token_endpoint_auth_methods_supported": ["client_secret_post"]}

    run(tmp_path, signer, act)
    files = b"".join(file.read_bytes() for file in tmp_path.rglob("*") if file.is_file())
    assert SECRET.encode() not in files


def test_the_first_grant_that_fits_gives_the_role() -> None:
    table = SsoTable(
        name="x",
        issuer="https://id.test",
        client_id="c",
        role="viewer",
        grants=(GrantTable(group="a[1]*", role="operator"), GrantTable(pattern="a.*", role="admin")),
    )
    assert granted(table, ["a[1]x"]).role == "operator"
    assert granted(table, ["a1x"]).role == "admin"
    assert granted(table, ["A[1]"]).role == "viewer"
    assert granted(table, ["xa"]).role == "viewer"
    assert granted(table, ["a" * 400]).role == "viewer"


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"issuer": "http://id.test"}, "https"),
        ({"issuer": "id.test"}, "no issuer"),
        ({"issuer": "https://id.test/?x=1"}, "no issuer"),
        ({"issuer": "https://me:pw@id.test"}, "no issuer"),
        ({"issuer": "https://[::1"}, "no issuer"),
        ({"issuer": "https://id.test:0"}, "no issuer"),
        ({"issuer": "https://id .test"}, "no issuer"),
        ({"scopes": ("email",)}, "openid"),
        ({"create": True}, "role"),
        ({"grants": (GrantTable(role="viewer"),)}, "one of"),
        ({"grants": (GrantTable(group="x", pattern="x", role="viewer"),)}, "one of"),
        ({"grants": (GrantTable(pattern="(a+)+", role="viewer"),)}, "repeats"),
        ({"grants": (GrantTable(pattern="(", role="viewer"),)}, "regular expression"),
        ({"grants": (GrantTable(group="x"),)}, "nothing"),
    ],
)
def test_a_description_that_cannot_be_used_is_refused_in_words(members: dict[str, Any], words: str) -> None:
    usual: dict[str, Any] = {"issuer": "https://id.test", "client_id": "c"}
    assert words in " ".join(faults_of_sso(SsoTable(name="x", **{**usual, **members})))


def test_clocks_may_differ_a_little(tmp_path: Path, signer: Signer) -> None:
    async def act(scene: Scene) -> None:
        await scene.know()
        now_s = int(time.time())
        scene.there.lies = {"exp": now_s - 20, "iat": now_s + 30, "nbf": now_s + 30}
        assert in_(await scene.sign_in(scene.place.visitor()))

    run(tmp_path, signer, act)
