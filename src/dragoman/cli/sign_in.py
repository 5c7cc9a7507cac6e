"""`dragoman users password|sign-out|enrol|second-factors|reset-factor` and `dragoman sso test`: how people sign in."""

from __future__ import annotations

import os
import sys

from cyclopts import App

from dragoman.cli.desk import AdminApi, Refused, Url, run
from dragoman.cli.options import ConfigFile, Switch
from dragoman.cli.say import as_json, columns
from dragoman.cli.users import password, user_of

CODE_VARIABLE = "DRAGOMAN_CODE"


def add_sign_in_commands(users: App) -> None:
    """Adds what is about signing in to the commands about users."""
    users.command(set_password, name="password")
    users.command(sign_out)
    users.command(enrol)
    users.command(list_factors, name="second-factors")
    users.command(reset_factor)


def set_password(login: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Set a user's password, which ends all their sessions. It is asked for, or taken from DRAGOMAN_PASSWORD."""

    def work(api: AdminApi) -> None:
        user = user_of(api, login)
        api.ask("PUT", f"/users/{user['id']}/password", {"password": password(new=True)})
        print(f"{login} has another password, and is signed out everywhere.")

    return run(url, config, work)


def sign_out(login: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """End all sessions of a user. Tokens go on; see dragoman tokens."""

    def work(api: AdminApi) -> None:
        ended = api.ask("DELETE", f"/users/{user_of(api, login)['id']}/sessions").json["sessions"]
        print(f"{login} is signed out of {ended} sessions.")

    return run(url, config, work)


def enrol(login: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Give yourself a second factor: put the secret into an authenticator, and tell its first code.

    Password and code are asked for, or taken from DRAGOMAN_PASSWORD and DRAGOMAN_CODE. Recovery codes are shown only
    now.
    """

    def work(api: AdminApi) -> None:
        claim = {"login": login, "password": password()}
        code = os.environ.get(CODE_VARIABLE)
        if not code:
            told = api.ask("POST", "/session/second-factor", claim).json
            print(f"{told['uri']}\nSecret: {told['secret']}", file=sys.stderr)
            code = _asked_code()
        codes = api.ask("PUT", "/session/second-factor", {**claim, "code": code}).json["recovery_codes"]
        print("\n".join(codes))
        print("Each of these opens the account once without the authenticator. Keep them.", file=sys.stderr)

    return run(url, config, work)


def _asked_code() -> str:
    try:
        return input("Code: ")
    except EOFError:
        remedy = f"Put the secret into an authenticator, set {CODE_VARIABLE} to its code, and repeat the command."
        raise Refused(f"There is nobody to ask for the code. {remedy}") from None


def list_factors(*, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """List who has a second factor."""

    def work(api: AdminApi) -> None:
        found = api.ask("GET", "/second-factors").json
        print(as_json(found) if json else "\n".join(one["login"] for one in found) or "Nobody has one.")

    return run(url, config, work)


def reset_factor(login: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Take a user's second factor away, who has lost it, and end all their sessions."""

    def work(api: AdminApi) -> None:
        api.ask("DELETE", f"/users/{user_of(api, login)['id']}/second-factor")
        print(f"{login} has no second factor any more, and is signed out everywhere.")

    return run(url, config, work)


def try_provider(name: str, /, *, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """Ask an identity provider what it tells of itself, and say what would not work."""

    def work(api: AdminApi) -> int:
        found = api.ask("POST", f"/sso/{name}/test").json
        if json:
            print(as_json(found))
        else:
            rows = [(member.replace("_", " "), str(value)) for member, value in found.items() if member != "faults"]
            print(columns(rows))
            for fault in found["faults"]:
                print(fault)
        return 1 if found["faults"] else 0

    return run(url, config, work)
