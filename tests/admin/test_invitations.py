"""Who is invited, and what an invitation is worth."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest

from dragoman.shapes.access import RoleTable
from dragoman.store.ports import SYSTEM
from tests.admin.society import API, Scene, scene
from tests.admin.stage import PASSWORD, Told, Visitor


async def invite(on: Scene, by: Visitor | None = None, **said: Any) -> str:
    """The text of an invitation."""
    told = await (by or on.root).ask("POST", f"{API}/invitations", said or {"role": "viewer"})
    assert told.status == 201, told.body
    text: str = told.json["text"]
    return text


async def accept(on: Scene, text: str, login: str = "guest", **members: Any) -> Told:
    """What a guest is told, who comes from an address of their own."""
    said = {"token": text, "login": login, "password": PASSWORD, **members}
    return await on.place.visitor(address=f"10.0.0.{len(login)}").ask("POST", f"{API}/invitations/accept", said)


def test_whoever_is_invited_signs_in_with_what_was_promised(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            text = await invite(on, memberships={"red": "operator"})
            assert text not in repr((await on.root.ask("GET", f"{API}/invitations")).body)
            assert (await accept(on, text, name="Guest")).status == 201
            guest = on.place.visitor()
            assert (await guest.sign_in("guest")).status == 200
            me = (await guest.ask("GET", f"{API}/session")).json
            assert (me["role"], me["memberships"]) == ("", {"red": "operator"})
            again = await accept(on, text, "second")
            assert (again.status, again.json["code"]) == (403, "no_invitation")
            log = (await on.root.ask("GET", f"{API}/audit", query="action=invitation.")).json["entries"]
            actions = [entry["note"]["action"] for entry in log]
            assert actions == ["invitation.refused", "invitation.accept", "invitation.add"]

    asyncio.run(act())


def test_nothing_is_learned_without_an_invitation(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            good = await invite(on, role="viewer", login="Guest")
            gone = await invite(on)
            found = (await on.root.ask("GET", f"{API}/invitations")).json
            last = next(one for one in found if not one["login"])
            assert (await on.root.ask("DELETE", f"{API}/invitations/{last['id']}")).status == 204
            bodies = {
                (await accept(on, text, login)).body
                for text, login in (
                    ("", "root"),
                    ("dgi_" + "0" * 61, "root"),
                    (good[:-1] + ("0" if good[-1] != "0" else "1"), "guest"),
                    (good, "root"),
                    (gone, "root"),
                    (gone, "nobody"),
                )
            }
            assert len(bodies) == 1
            assert (await accept(on, good, "gUEST")).status == 201

    asyncio.run(act())


@pytest.mark.parametrize("how", ["demoted", "disabled", "removed", "role widened"])
def test_a_promise_is_worth_what_its_host_may_still_give(how: str, tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            await on.role("small", "keys:read")
            host = await on.user("host", role="keeper")
            text = await invite(on, await on.script(host), role="small")
            path = f"{API}/users/{host.id}"
            match how:
                case "demoted":
                    await on.root.ask("PATCH", path, {"revision": 1, "role": ""})
                case "disabled":
                    await on.root.ask("PATCH", path, {"revision": 1, "state": "disabled"})
                case "removed":
                    await on.root.ask("DELETE", path)
                case _:
                    row = next(
                        row for row in await on.place.store.configuration.roles.all() if row.spec.name == "small"
                    )
                    spec = RoleTable(name="small", scopes=("keys:read", "settings:write"))
                    await on.place.store.configuration.roles.change(SYSTEM, row.id, 1, spec=spec)
            told = await accept(on, text)
            assert (told.status, told.json["code"]) == (403, "no_invitation")

    asyncio.run(act())


def test_guessing_at_invitations_is_slowed_down(tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            statuses = [(await accept(on, f"dgi_{n:061}")).status for n in range(30)]
            assert statuses[0] == 403
            assert statuses[-1] == 429
            assert (await accept(on, await invite(on), "another-address")).status == 201

    asyncio.run(act())


@pytest.mark.parametrize(
    "said", [{}, {"role": "nobody"}, {"role": "viewer", "uses": 0}, {"role": "viewer", "hours": 10**6}]
)
def test_an_invitation_that_cannot_be_is_refused(said: dict[str, Any], tmp_path: Path) -> None:
    async def act() -> None:
        async with scene(tmp_path) as on:
            assert (await on.root.ask("POST", f"{API}/invitations", said)).status == 422

    asyncio.run(act())
