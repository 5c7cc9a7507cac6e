"""`dragoman channels|profiles|projects|roles|keys|… export|import`: what the admin API manages, by hand.

Every command works on the database that is configured here, or with `--url` on a gateway elsewhere, whose token is
taken from DRAGOMAN_TOKEN.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any

from cyclopts import App, Parameter

from dragoman.cli import keys, tokens, users
from dragoman.cli.bulk import add_bulk_commands
from dragoman.cli.channels import add_channel_commands
from dragoman.cli.desk import AdminApi, Refused, Url, given, named, run
from dragoman.cli.models import add_model_commands
from dragoman.cli.money import price_test, usage_of
from dragoman.cli.options import ConfigFile, Switch
from dragoman.cli.say import as_json, columns
from dragoman.cli.sign_in import add_sign_in_commands, try_provider

YAML = "application/yaml"

Given = Annotated[Path, Parameter(allow_leading_hyphen=True)]
"""A file, or `-` for standard input."""

KINDS = {
    "channels": "upstream accounts",
    "overrides": "sets of changes that channels take",
    "profiles": "rules of routing",
    "projects": "groups of API keys",
    "roles": "roles of your own",
    "models": "descriptions of models",
    "prices": "prices of your own",
    "sso": "identity providers that people sign in by",
}

RENAMED = frozenset({"channels", "profiles", "projects"})
"""Kinds that can be called otherwise. The others are what their name says, or are found by it."""


def apps() -> list[App]:
    """All commands of this module."""
    made = [_shelf(kind, what) for kind, what in KINDS.items()]
    api_keys = keys.app()
    for state in ("enable", "disable", "archive"):
        api_keys.command(_state_of("keys", state), name=state)
    people = users.app()
    add_sign_in_commands(people)
    return [*made, api_keys, people, *tokens.apps()]


def _more(kind: str) -> Mapping[str, Callable[..., int]]:
    """The commands that only one kind has, by name."""
    more: Mapping[str, Mapping[str, Callable[..., int]]] = {
        "roles": {"scopes": list_scopes},
        "prices": {"test": price_test},
        "sso": {"test": try_provider},
    }
    return {**more.get(kind, {}), **({"rename": _rename_of(kind)} if kind in RENAMED else {})}


def _shelf(kind: str, what: str) -> App:
    """The commands of one kind of configured things."""
    app = App(name=kind, help=f"The {what} in the database.")

    def list_all(*, archived: Switch = False, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
        """List them by name; with --archived those put away, too."""
        query = {"archived": "true"} if archived else None
        return run(url, config, lambda api: _tell_rows(api.ask("GET", f"/{kind}", query=query).json, json=json))

    def show(name: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
        """Show one as JSON; secrets stand as `sealed:…`."""
        return run(url, config, lambda api: print(as_json(named(api, kind, name))))

    def put(file: Given, /, *, url: Url = None, config: ConfigFile = None) -> int:
        """Add one, or change it if one of its name is there: from a file of JSON or TOML, or `-` for standard input."""
        return run(url, config, lambda api: _put(api, kind, _read(file)))

    def remove(name: str, /, *, force: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
        """Remove one for good, with its secrets; with --force also what something names, which is closed from then."""

        def work(api: AdminApi) -> None:
            row = named(api, kind, name)
            query = {"revision": str(row["revision"]), **({"force": "true"} if force else {})}
            api.ask("DELETE", f"/{kind}/{row['id']}", query=query)
            print(f"{name} is removed.")

        return run(url, config, work)

    def archive(name: str, /, *, force: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
        """Archive one; it is in force within a second. With --force also what something names, which is closed from
        then."""
        return run(url, config, lambda api: _set_state(api, kind, name, "archived", force=force))

    app.command(list_all, name="list")
    app.command(show, name="show")
    for name, command in _more(kind).items():
        app.command(command, name=name)
    if kind == "channels":
        add_channel_commands(app)
        add_bulk_commands(app)
    if kind in ("channels", "projects"):
        app.command(usage_of(kind), name="usage")
    if kind == "models":
        add_model_commands(app)
    app.command(put_channel if kind == "channels" else put, name="put")
    for state in ("enable", "disable"):
        app.command(_state_of(kind, state), name=state)
    app.command(archive, name="archive")
    app.command(remove, name="remove")
    return app


def _rename_of(kind: str) -> Callable[..., int]:
    """The command that gives one another name."""

    def rename(name: str, other: str, /, *, force: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
        """Give one another name; with --force also what something names by the one it had, which is closed from then.

        Parameters
        ----------
        name
            What it is called.
        other
            What it is to be called from now on.
        url
            A gateway elsewhere.
        config
            Configuration file.
        """

        def work(api: AdminApi) -> None:
            row = named(api, kind, name)
            said = {"revision": row["revision"], "spec": row["spec"] | {"name": other}}
            api.ask("PATCH", f"/{kind}/{row['id']}", said | ({"force": True} if force else {}))
            print(f"{name} is called {other} now.")

        return run(url, config, work)

    return rename


def put_channel(file: Given, /, *, keep_secrets: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """Add one, or change it if one of its name is there: from a file of JSON or TOML, or `-` for standard input.

    Parameters
    ----------
    file
        The file.
    keep_secrets
        Keep secrets that are left as `sealed:…` although the channel leads elsewhere from now on.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """
    return run(url, config, lambda api: _put(api, "channels", _read(file), keep_secrets=keep_secrets))


def _state_of(kind: str, verb: str) -> Callable[..., int]:
    """The command that sets a state."""

    def set_state(name: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
        return run(url, config, lambda api: _set_state(api, kind, name, verb.removesuffix("e") + "ed"))

    set_state.__doc__ = f"{verb.capitalize()} one; it is in force within a second."
    return set_state


def _set_state(api: AdminApi, kind: str, name: str, state: str, *, force: bool = False) -> None:
    row = named(api, kind, name)
    said = {"revision": row["revision"], "state": state, **({"force": True} if force else {})}
    api.ask("PATCH", f"/{kind}/{row['id']}", said)
    print(f"{name} is {state}.")


def list_scopes(*, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """List the scopes that roles and tokens are made of, and which of the usual roles have them."""

    def work(api: AdminApi) -> None:
        found = api.ask("GET", "/scopes").json
        rows = [("scope", "in one project", "roles", "meaning")]
        rows += [
            (one["name"], "yes" if one["in_project"] else "-", ", ".join(one["roles"]), one["meaning"]) for one in found
        ]
        print(as_json(found) if json else columns(rows))

    return run(url, config, work)


def export(*, url: Url = None, config: ConfigFile = None) -> int:
    """Write what is configured in the database to standard output, as YAML that may live in git; without secrets."""
    return run(url, config, lambda api: print(api.ask("GET", "/configuration.yaml").body.decode(), end=""))


def take_in(
    file: Given,
    /,
    *,
    dry_run: Switch = False,
    keep_secrets: Switch = False,
    url: Url = None,
    config: ConfigFile = None,
) -> int:
    """Add and change what a YAML file configures, and remove nothing.

    Parameters
    ----------
    file
        The file; `-` for standard input.
    dry_run
        Only say what would be done.
    keep_secrets
        Keep secrets of channels that lead elsewhere from now on.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """

    def work(api: AdminApi) -> int:
        text = given(file)
        switches = {"dry_run": dry_run, "keep_secrets": keep_secrets}
        query = {name: "true" for name, said in switches.items() if said}
        done = api.ask("PUT", "/configuration.yaml", text, query, YAML).json
        for what in ("added", "changed", "left", "refused"):
            for words in done[what]:
                print(f"{what:9}{words}")
        print(f"{done['unchanged']} unchanged")
        return 1 if done["refused"] else 0

    return run(url, config, work)


def _put(api: AdminApi, kind: str, spec: Any, *, keep_secrets: bool = False) -> None:
    name = spec.get("name", "") if isinstance(spec, dict) else ""
    for row in api.ask("GET", f"/{kind}").json:
        if row["spec"]["name"] == name:
            said = {"revision": row["revision"], "spec": spec, **({"keep_secrets": True} if keep_secrets else {})}
            _tell_saved(f"{name} is changed.", api.ask("PATCH", f"/{kind}/{row['id']}", said).json)
            return
    _tell_saved(f"{name} is added.", api.ask("POST", f"/{kind}", {"spec": spec}).json)


def _tell_saved(words: str, row: Any) -> None:
    """What was done, and what is hardly meant."""
    print(words)
    for warning in row.get("warnings", ()):
        print(f"But: {warning}", file=sys.stderr)


def _read(file: Path) -> Any:
    """What a file of JSON or TOML holds. Raises `Refused`."""
    import tomllib

    import msgspec

    try:
        text = given(file).decode("utf-8-sig")
        return msgspec.json.decode(text) if text.lstrip().startswith("{") else tomllib.loads(text)
    except ValueError as found:
        where = "Standard input" if str(file) == "-" else file
        raise Refused(f"{where} was read but holds no JSON or TOML: {found}.") from None


def _tell_rows(rows: Any, *, json: bool) -> None:
    if json:
        print(as_json(rows))
        return
    listed = [(row["spec"]["name"], row["state"], row.get("fault") or row["spec"].get("note", "")) for row in rows]
    print(columns([("name", "state", "note" if any(each[2] for each in listed) else ""), *listed]))
