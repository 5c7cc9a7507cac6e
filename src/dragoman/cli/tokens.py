"""`dragoman tokens|services`: what scripts ask the admin API with, and the accounts that have nothing else."""

from __future__ import annotations

import os
import sys
import time
from typing import Annotated, Any

from cyclopts import App, Parameter

from dragoman.cli.desk import TOKEN_VARIABLE, AdminApi, Elsewhere, Refused, Url, run
from dragoman.cli.options import ConfigFile, Switch
from dragoman.cli.say import as_json, columns, fail
from dragoman.cli.users import Members, memberships_of, password

DAY_MS = 24 * 3600 * 1000
Several = Annotated[list[str] | None, Parameter(negative="")]


def apps() -> list[App]:
    """The commands."""
    tokens = App(name="tokens", help="What scripts ask the admin API with.")
    tokens.command(list_tokens, name="list")
    tokens.command(add_token, name="add")
    tokens.command(revoke)
    services = App(name="services", help="Service accounts: users that nobody signs in as, and that have only tokens.")
    services.command(list_services, name="list")
    services.command(add_service, name="add")
    services.command(enable)
    services.command(disable)
    services.command(remove)
    return [tokens, services]


def list_tokens(*, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """List the tokens that one may see, without what opens the API."""

    def work(api: AdminApi) -> None:
        found = api.ask("GET", "/tokens", query={"all": "true"}).json
        rows = [("login", "name", "token", "may do", "from")]
        rows += [
            (
                one["login"],
                one["name"],
                f"dgt_{one['public_id']}…",
                ", ".join(one["scopes"]) or "all",
                ", ".join(one["addresses"]) or "anywhere",
            )
            for one in found
        ]
        print(as_json(found) if json else columns(rows))

    return run(url, config, work)


def add_token(
    name: str,
    /,
    *,
    login: str = "",
    scope: Several = None,
    role: str = "",
    address: Several = None,
    days: int | None = None,
    code: str = "",
    url: Url = None,
    config: ConfigFile = None,
) -> int:
    """Make a token. Its text is shown only now.

    With --url, but without a token in DRAGOMAN_TOKEN, the user of --login signs in: the password is asked for, or taken
    from DRAGOMAN_PASSWORD.

    Parameters
    ----------
    name
        What it is called.
    login
        The user or service account whose it is; needed without --url, else oneself.
    scope
        What it may do, as keys:read; see dragoman roles scopes. May be said several times; else all that its user may.
    role
        Instead of scopes, those of a role as it is now.
    address
        A network it may be used from, as 10.0.0.0/8. May be said several times; else all.
    days
        How long it lasts; else for ever.
    code
        Of a second factor, to sign in with.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not (login or (url and token)):
        return fail("Whose token it is to be was not said.", "Say --login, as in dragoman users list.")
    said: dict[str, object] = {
        "name": name,
        "login": login,
        "scopes": scope or [],
        "role": role,
        "addresses": address or [],
        "expires_ms": None if days is None else time.time_ns() // 1_000_000 + days * DAY_MS,
    }

    def work(api: AdminApi) -> None:
        if isinstance(api, Elsewhere) and not token:
            with api.signed_in(login, password(), code):
                text = api.ask("POST", "/tokens", said).json["text"]
        else:
            text = api.ask("POST", "/tokens", said).json["text"]
        print(text)
        print(f"This is {name}, shown only now. Commands take it from DRAGOMAN_TOKEN.", file=sys.stderr)

    return run(url, config, work)


def revoke(token: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Take a token away, named by how it begins."""

    def work(api: AdminApi) -> None:
        begins = token.rstrip("…").removeprefix("dgt_")
        every = api.ask("GET", "/tokens", query={"all": "true"}).json
        found = [one for one in every if begins and one["public_id"].startswith(begins)]
        if len(found) != 1:
            raise Refused(f"{len(found)} tokens begin with '{token}'. See dragoman tokens list.")
        api.ask("DELETE", f"/tokens/{found[0]['id']}")
        print(f"{found[0]['name']} of {found[0]['login']} opens nothing any more.")

    return run(url, config, work)


def list_services(*, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """List service accounts by login."""

    def work(api: AdminApi) -> None:
        found = api.ask("GET", "/services").json
        rows = [("login", "project", "role", "in projects", "state")]
        rows += [
            (
                one["login"],
                one["project"] or "-",
                one["role"] or "-",
                ", ".join(f"{project}={role}" for project, role in one["memberships"].items()) or "-",
                one["state"],
            )
            for one in found
        ]
        print(as_json(found) if json else columns(rows))

    return run(url, config, work)


def add_service(
    login: str,
    /,
    *,
    project: str = "",
    role: str = "",
    member: Members = None,
    url: Url = None,
    config: ConfigFile = None,
) -> int:
    """Add a service account; then make it a token.

    Parameters
    ----------
    login
        Its name, unique among users.
    project
        The project that keeps it; else the gateway does.
    role
        What it is for everything.
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
    said = {"login": login, "project": project, "role": role, "memberships": memberships}

    def work(api: AdminApi) -> None:
        api.ask("POST", "/services", said)
        print(f"{login} is there. Make its token: dragoman tokens add NAME --login {login}")

    return run(url, config, work)


def enable(login: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Switch a service account on again."""
    return run(url, config, lambda api: _set_state(api, login, "enabled"))


def disable(login: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Switch a service account off, with its tokens."""
    return run(url, config, lambda api: _set_state(api, login, "disabled"))


def remove(login: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Remove a service account for good, with its tokens."""

    def work(api: AdminApi) -> None:
        api.ask("DELETE", f"/services/{_service(api, login)['id']}")
        print(f"{login} is removed.")

    return run(url, config, work)


def _service(api: AdminApi, login: str) -> Any:
    """The service account of this login. Raises `Refused`."""
    for one in api.ask("GET", "/services").json:
        if one["login"] == login.lower():
            return one
    raise Refused(f"There is no service account '{login}'. See dragoman services list.")


def _set_state(api: AdminApi, login: str, state: str) -> None:
    service = _service(api, login)
    api.ask("PATCH", f"/services/{service['id']}", {"revision": service["revision"], "state": state})
    print(f"{login} is {state}.")
