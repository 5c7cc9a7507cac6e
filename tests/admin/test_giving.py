"""Nobody gives more than he has: roles, memberships, tokens, users, service accounts and invitations."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.shapes.access import KeyTable, RoleTable
from dragoman.store.ports import SYSTEM, NewToken
from dragoman.web.admin.scopes import ADMIN, BUILT_IN, EVERY, IN_PROJECT, Grant, Rights, rights_of
from tests.admin.society import API, scene
from tests.admin.stage import PASSWORD

# Rights as values

SCOPES = st.frozensets(st.sampled_from(sorted(EVERY)), max_size=8)
PROJECTS = st.sampled_from(["red", "blue"])
ROLES = st.lists(
    st.builds(
        RoleTable,
        name=st.sampled_from(["a", "b", "c", ADMIN]),
        scopes=SCOPES.map(tuple),
        project=st.sampled_from(["", "red", "blue"]),
    ),
    max_size=4,
)
NAMES = st.sampled_from(["", "a", "b", "c", "gone", *BUILT_IN])
GRANTS = st.builds(Grant, NAMES, st.dictionaries(PROJECTS, NAMES))


@given(GRANTS, ROLES, SCOPES)
def test_what_a_token_may_is_part_of_what_its_user_may(
    grant: Grant, roles: list[RoleTable], held: frozenset[str]
) -> None:
    rights = rights_of(grant, roles)
    assert rights.covers(rights.narrowed(held))
    assert not held or rights.narrowed(held).everywhere <= held
    for project in ("red", "blue", "other"):
        for scope in EVERY:
            assert rights.may(scope, project) or not rights.narrowed(held).may(scope, project)


@given(GRANTS, GRANTS, ROLES)
def test_rights_that_cover_others_allow_all_that_these_do(one: Grant, other: Grant, roles: list[RoleTable]) -> None:
    wide, narrow = rights_of(one, roles), rights_of(other, roles)
    allows = all(
        wide.may(scope, project) for scope in EVERY for project in (None, "red", "blue") if narrow.may(scope, project)
    )
    assert wide.covers(narrow) == allows


@given(GRANTS, ROLES)
def test_a_role_in_a_project_allows_nothing_elsewhere(grant: Grant, roles: list[RoleTable]) -> None:
    rights = rights_of(Grant("", grant.memberships), roles)
    assert rights.everywhere == frozenset()
    for scopes in rights.within.values():
        assert scopes <= IN_PROJECT


def test_a_role_that_is_not_there_allows_nothing() -> None:
    assert rights_of(Grant("gone", {"red": "gone"}), ()) == Rights(frozenset(), {"red": frozenset()})
    assert rights_of(Grant("r", {"blue": "r"}), [RoleTable(name="r", scopes=("keys:read",), project="red")]) == Rights(
        frozenset(), {"blue": frozenset()}
    )


# Roles, users, members

TOO_MUCH: dict[str, tuple[str, str, dict[str, Any]]] = {
    "a user": ("POST", "/users", {"login": "eve", "role": "admin"}),
    "a user with more": ("POST", "/users", {"login": "eve", "role": "viewer"}),
    "a member": ("POST", "/users", {"login": "eve", "memberships": {"red": "operator"}}),
    "a membership": ("PUT", "/members", {"project": "red", "login": "plain", "role": "operator"}),
    "their own membership": ("PUT", "/members", {"project": "red", "login": "keeper", "role": "admin"}),
    "a service account": ("POST", "/services", {"login": "robot", "role": "admin"}),
    "one in a project": ("POST", "/services", {"login": "r", "project": "red", "memberships": {"red": "admin"}}),
    "an invitation": ("POST", "/invitations", {"role": "admin"}),
    "an invitation to a project": ("POST", "/invitations", {"memberships": {"blue": "operator"}}),
    "a role": ("POST", "/roles", {"spec": {"name": "big", "scopes": ["keys:write"]}}),
    "a role in a project": ("POST", "/roles", {"spec": {"name": "big", "scopes": ["keys:write"], "project": "red"}}),
    "a token": ("POST", "/tokens", {"name": "t", "scopes": ["settings:write"]}),
    "a token by a role": ("POST", "/tokens", {"name": "t", "role": "operator"}),
    "somebody else's token": ("POST", "/tokens", {"name": "t", "login": "root"}),
}  # fmt: skip


@pytest.mark.parametrize("case", TOO_MUCH)
def test_who_keeps_people_cannot_give_what_he_has_not(case: str, tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            await on.user("plain")
            keeper = await on.script(await on.user("keeper", role="keeper"))
            method, path, body = TOO_MUCH[case]
            told = await keeper.ask(method, API + path, body)
            assert (told.status, told.json["code"]) == (403, "forbidden"), told.body
            assert (await on.root.ask(method, API + path, body)).status < 300 or case in (
                "somebody else's token",
                "their own membership",
            )

    asyncio.run(act())


def test_who_may_do_more_is_not_theirs_to_change(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            keeper = await on.script(await on.user("keeper", role="keeper"))
            boss = await on.user("boss", role="operator")
            path = f"{API}/users/{boss.id}"
            attempts = [
                await keeper.ask("PATCH", path, {"revision": 1, "role": "keeper"}),
                await keeper.ask("PATCH", path, {"revision": 1, "state": "disabled"}),
                await keeper.ask("PATCH", path, {"revision": 1, "email": "eve@evil.test"}),
                await keeper.ask("PUT", path + "/password", {"password": PASSWORD}),
                await keeper.ask("DELETE", path + "/sessions"),
                await keeper.ask("DELETE", path),
                await keeper.ask("POST", f"{API}/tokens", {"name": "t", "login": "boss"}),
            ]
            assert [told.status for told in attempts] == [403] * len(attempts)
            assert await on.place.store.people.user(boss.id) == boss
            equal = await on.user("equal", role="keeper")
            assert (await keeper.ask("PUT", f"{API}/users/{equal.id}/password", {"password": PASSWORD})).status == 204

    asyncio.run(act())


def test_roles_are_narrowed_at_once_for_whoever_has_them(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            made = await on.root.ask(
                "POST", f"{API}/roles", {"spec": {"name": "dev", "scopes": ["keys:read", "audit:read"]}}
            )
            path, anna = f"{API}/roles/{made.json['id']}", await on.user("anna", role="dev")
            script = await on.script(anna)
            await on.place.store.people.set_password(SYSTEM, anna.id, "")
            assert (await script.ask("GET", f"{API}/audit")).status == 200
            narrow = {"revision": 1, "spec": {"name": "dev", "scopes": ["keys:read"]}}
            assert (await on.root.ask("PATCH", path, narrow)).status == 200
            assert (await script.ask("GET", f"{API}/audit")).status == 403
            assert (await script.ask("GET", f"{API}/keys")).status == 200
            assert (await on.root.ask("PATCH", path, {"revision": 2, "state": "disabled"})).status == 200
            assert (await script.ask("GET", f"{API}/keys")).json == []
            assert (await on.root.ask("PATCH", path, {"revision": 3, "state": "enabled"})).status == 200
            assert (await on.root.ask("DELETE", path, query="revision=4")).status == 204
            assert (await script.ask("GET", f"{API}/exchanges")).status == 403
            assert (await script.ask("GET", f"{API}/session")).status == 200

    asyncio.run(act())


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"name": "admin", "scopes": []}, "always there"),
        ({"name": "x", "scopes": ["keys:steal"]}, "no scope 'keys:steal'"),
        ({"name": "x", "scopes": ["settings:read"], "project": "red"}, "whole gateway"),
        ({"name": "x", "scopes": [], "project": "green"}, "no project 'green'"),
    ],
)
def test_a_role_that_cannot_be_is_refused(spec: dict[str, Any], words: str, tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            told = await on.root.ask("POST", f"{API}/roles", {"spec": spec})
            assert told.status == 422
            assert words in told.json["detail"]

    asyncio.run(act())


def test_a_role_keeps_its_name(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            made = await on.root.ask("POST", f"{API}/roles", {"spec": {"name": "dev"}})
            body = {"revision": 1, "spec": {"name": "ops"}}
            told = await on.root.ask("PATCH", f"{API}/roles/{made.json['id']}", body)
            assert (told.status, "keeps its name" in told.json["detail"]) == (422, True)

    asyncio.run(act())


def test_a_keeper_of_one_project_keeps_its_people_and_nobody_elses(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            await on.role(
                "redkeeper", "members:read", "members:write", "roles:read", "roles:write", "keys:read", project="red"
            )
            await on.role("reader", "keys:read")
            keeper = await on.script(await on.user("keeper", memberships={"red": "redkeeper"}))
            await on.user("anna")
            for project, status, made_status in (("red", 200, 201), ("blue", 403, 403)):
                body = {"project": project, "login": "anna", "role": "reader"}
                assert (await keeper.ask("PUT", f"{API}/members", body)).status == status
                service = {"login": f"robot-{project}", "project": project, "memberships": {project: "reader"}}
                assert (await keeper.ask("POST", f"{API}/services", service)).status == made_status
                role = {"spec": {"name": f"r-{project}", "scopes": ["keys:read"], "project": project}}
                assert (await keeper.ask("POST", f"{API}/roles", role)).status == made_status
                invitation = {"memberships": {project: "reader"}}
                assert (await keeper.ask("POST", f"{API}/invitations", invitation)).status == (
                    201 if status == 200 else 403
                )
            assert [one["login"] for one in (await keeper.ask("GET", f"{API}/members")).json] == [
                "anna",
                "keeper",
                "robot-red",
            ]
            assert [one["login"] for one in (await keeper.ask("GET", f"{API}/services")).json] == ["robot-red"]
            assert (await keeper.ask("GET", f"{API}/members", query="project=blue")).json == []
            assert (await keeper.ask("GET", f"{API}/users")).status == 403
            made = await keeper.ask("POST", f"{API}/tokens", {"name": "ci", "login": "robot-red"})
            assert made.status == 201
            robot = on.place.visitor(made.json["text"])
            assert (await robot.ask("GET", f"{API}/keys")).status == 200
            assert (await robot.ask("GET", f"{API}/members")).status == 403
            everywhere = {"login": "robot", "role": "reader"}
            assert (await keeper.ask("POST", f"{API}/services", everywhere)).status == 403
            assert (await keeper.ask("POST", f"{API}/tokens", {"name": "t", "login": "anna"})).status == 404

    asyncio.run(act())


def test_a_service_account_of_another_project_is_not_there(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            await on.role("redkeeper", "members:read", "members:write", project="red")
            keeper = await on.script(await on.user("keeper", memberships={"red": "redkeeper"}))
            robot = await on.user("robot", kind="service", project="blue")
            mine = await on.user("mine", kind="service", project="red")
            _, token = await on.place.store.people.add_token(SYSTEM, robot.id, NewToken(name="ci"))
            path = f"{API}/services/{robot.id}"
            assert (await keeper.ask("PATCH", path, {"revision": 1, "state": "disabled"})).status == 404
            assert (await keeper.ask("DELETE", path)).status == 404
            assert (await keeper.ask("DELETE", f"{API}/tokens/{token.id}")).status == 404
            assert (await keeper.ask("POST", f"{API}/tokens", {"name": "t", "login": "robot"})).status == 404
            assert (await keeper.ask("GET", f"{API}/tokens", query="all=true")).json != []
            person = await on.user("person")
            assert (
                await keeper.ask("PATCH", f"{API}/services/{person.id}", {"revision": 1, "state": "enabled"})
            ).status == 404
            assert (await keeper.ask("DELETE", f"{API}/services/{mine.id}")).status == 204
            assert (await on.place.visitor().sign_in("robot", "")).status == 401

    asyncio.run(act())


# Tokens


def test_a_token_makes_only_tokens_that_are_no_wider_than_itself(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            anna = await on.user("anna", role="admin")
            until = on.place.gateway.live.now_ms() + 10**6
            held = {"scopes": ("keys:read", "audit:read"), "addresses": ("127.0.0.0/8",), "expires_ms": until}
            script = await on.script(anna, **held)
            refused: list[dict[str, Any]] = [
                {"scopes": ["keys:read", "keys:write"]},
                {"role": "viewer"},
                {"addresses": ["0.0.0.0/0"]},
                {"addresses": ["127.0.0.1", "10.0.0.1"]},
                {"addresses": ["::1"]},
                {"expires_ms": until + 1},
                {"expires_ms": 2**52},
            ]
            for body in refused:
                told = await script.ask("POST", f"{API}/tokens", {"name": "wide", **body})
                assert told.status == 403, (body, told.body)
            assert (await script.ask("POST", f"{API}/tokens", {"name": "none", "addresses": ["x"]})).status == 422
            same = (await script.ask("POST", f"{API}/tokens", {"name": "same"})).json["token"]
            assert (same["scopes"], same["addresses"], same["expires_ms"]) == (
                ["keys:read", "audit:read"],
                ["127.0.0.0/8"],
                until,
            )
            less = {"name": "less", "scopes": ["keys:read"], "addresses": ["127.0.0.1"], "expires_ms": until - 1}
            child = on.place.visitor((await script.ask("POST", f"{API}/tokens", less)).json["text"])
            assert (await child.ask("GET", f"{API}/keys")).status == 200
            assert (await child.ask("GET", f"{API}/audit")).status == 403

    asyncio.run(act())


def test_a_token_is_of_use_from_its_networks_only(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            user = await on.user("anna", role="viewer")
            said = NewToken(name="ci", addresses=("10.1.0.0/16", "2001:db8::/32"))
            text, _ = await on.place.store.people.add_token(SYSTEM, user.id, said)
            for address, status in (("10.1.2.3", 200), ("10.2.0.1", 403), ("2001:db8::7", 200), ("::1", 403)):
                told = await on.place.visitor(text, address).ask("GET", f"{API}/channels")
                assert told.status == status, address

    asyncio.run(act())


@pytest.mark.parametrize(
    "body",
    [
        {"scopes": ["keys:steal"]},
        {"role": "nobody"},
        {"role": "viewer", "scopes": ["keys:read"]},
        {"addresses": ["10.0.0.0/99"]},
    ],
)
def test_a_token_that_cannot_be_is_refused(body: dict[str, Any], tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            assert (await on.root.ask("POST", f"{API}/tokens", {"name": "t", **body})).status == 422

    asyncio.run(act())


# Keys that belong to somebody


def test_whoever_owns_a_key_sees_it_and_it_is_off_with_them(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            keys = on.place.store.configuration.keys
            anna = await on.user("anna")
            mine = await keys.add(SYSTEM, KeyTable(name="mine", owner="anna", project="red"))
            other = await keys.add(SYSTEM, KeyTable(name="other", project="red"))
            script = await on.script(anna)
            assert [key["spec"]["name"] for key in (await script.ask("GET", f"{API}/keys")).json] == ["mine"]
            path = f"{API}/keys/{mine.key.id}"
            assert (await script.ask("GET", path)).status == 200
            assert (await script.ask("GET", path + "/usage")).status == 200
            assert (await script.ask("GET", f"{API}/keys/{other.key.id}")).status == 404
            assert (await script.ask("PATCH", path, {"revision": 1, "state": "disabled"})).status == 403
            assert (await script.ask("POST", path + "/rotate", {"revision": 1})).status == 403
            held = await on.script(anna, scopes=("exchanges:read",))
            assert (await held.ask("GET", f"{API}/keys")).status == 403
            nobodys = {"spec": {"name": "x", "owner": "nobody"}}
            assert (await on.root.ask("POST", f"{API}/keys", nobodys)).status == 422

            async def works() -> bool:
                live = on.place.gateway.live
                version = await on.place.store.configuration.version()
                while live.snapshot.version < version:  # noqa: ASYNC110 - nothing tells of it
                    await asyncio.sleep(0.005)
                found = live.key_of(mine.text)
                return found is not None and found.enabled

            assert await works()
            users = f"{API}/users/{anna.id}"
            assert (await on.root.ask("PATCH", users, {"revision": 1, "state": "disabled"})).status == 200
            assert not await works()
            assert (await on.root.ask("PATCH", users, {"revision": 2, "state": "enabled"})).status == 200
            assert await works()
            assert (await on.root.ask("DELETE", users)).status == 204
            assert not await works()

    asyncio.run(act())


# The configuration as a whole


def test_a_text_takes_in_no_more_than_whoever_sends_it_may_change(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            await on.role("carrier", "transfer:read", "transfer:write", "roles:read", "roles:write", "keys:read")
            carrier = await on.script(await on.user("carrier", role="carrier"))
            yaml = {"content-type": "application/yaml"}
            shown = (await carrier.ask("GET", f"{API}/configuration.yaml")).body.decode()
            assert "roles:" in shown
            assert "projects:" not in shown
            path = f"{API}/configuration.yaml"
            told = await carrier.ask("PUT", path, b"projects: [{spec: {name: green}}]", yaml)
            assert told.status == 403
            told = await carrier.ask("PUT", path, b"roles: [{spec: {name: big, scopes: ['settings:write']}}]", yaml)
            assert (told.status, len(told.json["refused"])) == (200, 1)
            told = await carrier.ask("PUT", path, b"roles: [{spec: {name: small, scopes: ['keys:read']}}]", yaml)
            assert told.json["added"] == ["roles/small"]
            both = (
                b"projects: [{spec: {name: green}}]\nroles: [{spec: {name: g, scopes: ['keys:read'], project: green}}]"
            )
            told = await on.root.ask("PUT", path, both, yaml)
            assert told.json["added"] == ["projects/green", "roles/g"]

    asyncio.run(act())


def test_keys_of_a_project_are_given_to_its_members_only(tmp_path: Path) -> None:
    """A key spends the budget of its owner."""

    async def act() -> None:
        async with scene(tmp_path) as made:
            await made.role("keys", "keys:read", "keys:write", project="red")
            chief = await made.user("chief", memberships={"red": "keys"})
            await made.user("member", memberships={"red": "keys"})
            await made.user("stranger", memberships={"blue": "keeper"})
            script = await made.script(chief)
            statuses = {}
            for owner in ("chief", "member", "stranger", "nobody", ""):
                said = {"spec": {"name": f"of {owner}", "project": "red", "owner": owner}}
                told = await script.ask("POST", f"{API}/keys", said)
                statuses[owner] = told.status
            assert statuses == {"chief": 201, "member": 201, "stranger": 422, "nobody": 422, "": 201}
            said = {"spec": {"name": "by an admin", "project": "red", "owner": "stranger"}}
            assert (await made.root.ask("POST", f"{API}/keys", said)).status == 201

    asyncio.run(act())


def test_whoever_keeps_a_project_cannot_sign_out_who_has_nothing_to_gain_there(tmp_path: Path) -> None:
    """Sessions end with a change of roles."""

    async def act() -> None:
        async with scene(tmp_path) as made:
            await made.role("lead", "members:read", "members:write", project="red")
            script = await made.script(await made.user("lead", memberships={"red": "lead"}))
            for role in ("lead", "", "lead"):
                said = {"project": "red", "login": "root", "role": role}
                assert (await script.ask("PUT", f"{API}/members", said)).status == 409
            assert (await made.root.ask("GET", f"{API}/session")).status == 200
            await made.user("anna")
            for role, expected in (("lead", 200), ("lead", 409), ("", 200), ("", 409)):
                said = {"project": "red", "login": "anna", "role": role}
                assert (await script.ask("PUT", f"{API}/members", said)).status == expected

    asyncio.run(act())
