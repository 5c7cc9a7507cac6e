"""`dragoman users`: who may manage a gateway, what they may do, and who is invited."""

from __future__ import annotations

import getpass
import os
import sys
from typing import Annotated, Any

from cyclopts import App, Parameter

from dragoman.cli.desk import AdminApi, Refused, Url, run
from dragoman.cli.money import usage_of
from dragoman.cli.options import ConfigFile, Switch
from dragoman.cli.say import as_json, columns, fail

PASSWORD_VARIABLE = "DRAGOMAN_PASSWORD"  # noqa: S105 - the name of a variable
Members = Annotated[list[str] | None, Parameter(name="--member", negative="")]
"""Roles in projects, each as `project=role`."""


def app() -> App:
    """The commands."""
    users = App(name="users", help="Who may manage this gateway.")
    users.command(list_users, name="list")
    users.command(first_user, name="first")
    users.command(add_user, name="add")
    users.command(give_role, name="role")
    users.command(set_member, name="member")
    users.command(usage_of("users"), name="usage")
    users.command(enable)
    users.command(disable)
    users.command(remove)
    users.command(invite)
    users.command(list_invitations, name="invitations")
    users.command(revoke)
    users.command(accept)
    return users


def list_users(*, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """List users by login, service accounts too."""

    def work(api: AdminApi) -> None:
        found = api.ask("GET", "/users").json
        rows = [("login", "kind", "role", "state", "in projects")]
        rows += [
            (user["login"], user["kind"], user["role"] or "-", user["state"], _told(user["memberships"]))
            for user in found
        ]
        print(as_json(found) if json else columns(rows))

    return run(url, config, work)


def first_user(login: str = "admin", /, *, setup_token: str, url: Annotated[str, Parameter(name="--url")]) -> int:
    """Become the first user of a gateway, an admin, with the token that it printed when it started.

    The password is asked for, or taken from DRAGOMAN_PASSWORD.

    Parameters
    ----------
    login
        The name to sign in with.
    setup_token
        What the gateway printed.
    url
        The gateway's address.
    """
    said = {"token": setup_token, "login": login, "password": password(new=True)}

    def work(api: AdminApi) -> None:
        api.ask("POST", "/setup", said)
        print(f"{login} is the admin of {url} now.")

    return run(url, None, work)


def add_user(
    login: str,
    /,
    *,
    role: str | None = None,
    project: Annotated[list[str] | None, Parameter(negative="")] = None,
    member: Members = None,
    url: Url = None,
    config: ConfigFile = None,
) -> int:
    """Add a user; the password is asked for, or taken from DRAGOMAN_PASSWORD.

    Parameters
    ----------
    login
        The name to sign in with.
    role
        viewer sees, operator changes channels, profiles and keys, admin does everything; or a role of your own. Without
        this and --member, viewer.
    project
        A project in which alone the user has that role. May be said several times.
    member
        A role in a project, as project=role. May be said several times.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """
    try:
        memberships = memberships_of(member)
    except ValueError as found:
        return fail(str(found), "Write it as --member project=role.")
    given = role or ("" if memberships and not project else "viewer")
    everywhere = "" if project else given
    memberships = {**dict.fromkeys(project or [], given), **memberships}
    said = {"login": login, "role": everywhere, "memberships": memberships, "password": password(new=True)}

    def work(api: AdminApi) -> None:
        api.ask("POST", "/users", said)
        roles = [everywhere, *(f"{one} in {place}" for place, one in memberships.items())]
        print(f"{login} may sign in as {', '.join(filter(None, roles))}.")

    return run(url, config, work)


def give_role(login: str, role: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Give a user another role for everything; "" takes it away."""

    def work(api: AdminApi) -> None:
        user = user_of(api, login)
        api.ask("PATCH", f"/users/{user['id']}", {"revision": user["revision"], "role": role})
        print(f"{login} is {role or 'without a role'} now.")

    return run(url, config, work)


def set_member(login: str, project: str, role: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Give a user a role in a project; "" takes it away."""

    def work(api: AdminApi) -> None:
        api.ask("PUT", "/members", {"project": project, "login": login, "role": role})
        print(f"{login} is {role or 'no member any more'} in {project}.")

    return run(url, config, work)


def enable(login: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Let a user sign in again."""
    return run(url, config, lambda api: _set_state(api, login, "enabled"))


def disable(login: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Switch a user off, with tokens and API keys."""
    return run(url, config, lambda api: _set_state(api, login, "disabled"))


def remove(login: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Remove a user for good, with sessions and tokens."""

    def work(api: AdminApi) -> None:
        api.ask("DELETE", f"/users/{user_of(api, login)['id']}")
        print(f"{login} is removed.")

    return run(url, config, work)


def invite(
    *,
    role: str = "",
    member: Members = None,
    login: str = "",
    uses: int = 1,
    hours: int = 168,
    url: Url = None,
    config: ConfigFile = None,
) -> int:
    """Invite somebody to become a user. The invitation is shown only now.

    Parameters
    ----------
    role
        What they will be for everything.
    member
        A role in a project, as project=role. May be said several times.
    login
        The only login that it may be used for; else whoever has it chooses.
    uses
        How many may use it.
    hours
        How long it may be used.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """
    try:
        memberships = memberships_of(member)
    except ValueError as found:
        return fail(str(found), "Write it as --member project=role.")
    said = {"role": role, "memberships": memberships, "login": login, "uses": uses, "hours": hours}

    def work(api: AdminApi) -> None:
        print(api.ask("POST", "/invitations", said).json["text"])
        command = f"dragoman users accept {login or 'LOGIN'} --url {url or 'URL'} --invitation …"
        print(f"Shown only now. Whoever has it becomes a user by: {command}", file=sys.stderr)

    return run(url, config, work)


def list_invitations(*, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """List invitations that can still be used."""

    def work(api: AdminApi) -> None:
        found = api.ask("GET", "/invitations").json
        rows = [("invitation", "for", "role", "in projects", "uses")]
        rows += [
            (
                f"dgi_{one['public_id']}…",
                one["login"] or "anybody",
                one["role"] or "-",
                _told(one["memberships"]),
                str(one["uses"]),
            )
            for one in found
        ]
        print(as_json(found) if json else columns(rows))

    return run(url, config, work)


def revoke(invitation: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Take an invitation back, named by how it begins."""

    def work(api: AdminApi) -> None:
        begins = invitation.rstrip("…").removeprefix("dgi_")
        found = [one for one in api.ask("GET", "/invitations").json if begins and one["public_id"].startswith(begins)]
        if len(found) != 1:
            raise Refused(f"{len(found)} invitations begin with '{invitation}'. See dragoman users invitations.")
        api.ask("DELETE", f"/invitations/{found[0]['id']}")
        print("The invitation is taken back.")

    return run(url, config, work)


def accept(login: str, /, *, invitation: str, url: Annotated[str, Parameter(name="--url")]) -> int:
    """Become a user of a gateway by an invitation. The password is asked for, or taken from DRAGOMAN_PASSWORD.

    Parameters
    ----------
    login
        The name to sign in with.
    invitation
        Its text, which begins with dgi_.
    url
        The gateway's address.
    """
    said = {"token": invitation, "login": login, "password": password(new=True)}

    def work(api: AdminApi) -> None:
        api.ask("POST", "/invitations/accept", said)
        print(f"{login} may sign in at {url} now.")

    return run(url, None, work)


def memberships_of(texts: list[str] | None) -> dict[str, str]:
    """Roles by project. Raises `ValueError`."""
    found = {}
    for text in texts or []:
        project, _, role = text.partition("=")
        if not project or not role:
            raise ValueError(f"'{text}' names no project and role.")
        found[project] = role
    return found


def password(*, new: bool = False) -> str:
    """The password: from the environment, a line of standard input, or who sits there; who chooses a new one gives it
    twice. Raises `Refused`."""
    if found := os.environ.get(PASSWORD_VARIABLE):
        return found
    if not sys.stdin.isatty():
        if found := sys.stdin.readline().rstrip("\r\n"):
            return found
        raise Refused(
            f"There is nobody to ask for the password. Set {PASSWORD_VARIABLE}, or give it as a line of input."
        )
    found = getpass.getpass("Password: ")
    if new and getpass.getpass("The same again: ") != found:
        raise Refused("The two passwords are not the same. Try again.")
    return found


def user_of(api: AdminApi, login: str) -> Any:
    """The user of this login. Raises `Refused`."""
    for user in api.ask("GET", "/users").json:
        if user["login"] == login.lower():
            return user
    raise Refused(f"There is no user '{login}'. See dragoman users list.")


def _set_state(api: AdminApi, login: str, state: str) -> None:
    user = user_of(api, login)
    api.ask("PATCH", f"/users/{user['id']}", {"revision": user["revision"], "state": state})
    print(f"{login} is {state}.")


def _told(memberships: object) -> str:
    found = memberships if isinstance(memberships, dict) else {}
    return ", ".join(f"{project}={role}" for project, role in found.items()) or "-"
