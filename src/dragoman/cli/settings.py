"""`dragoman settings`: what is set for the whole gateway, and may be changed while it runs."""

from __future__ import annotations

import sys
from typing import Annotated, Any

from cyclopts import App, Parameter

from dragoman.cli.desk import AdminApi, Refused, Url, run
from dragoman.cli.options import ConfigFile, Switch
from dragoman.cli.say import as_json, columns

WIDEST = 60
"""Characters of a value that are shown in a list."""
Value = Annotated[str, Parameter(allow_leading_hyphen=True)]


def app() -> App:
    """The commands."""
    settings = App(name="settings", help="What is set for the whole gateway, and may be changed while it runs.")
    settings.command(list_all, name="list")
    settings.command(set_one, name="set")
    settings.command(unset, name="unset")
    return settings


def list_all(*, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """List what is set, where it was set, and whether it can be changed here."""

    def work(api: AdminApi) -> None:
        found = api.ask("GET", "/settings").json
        rows = [("setting", "value", "set by")]
        rows += [(one["name"], _short(one["value"]), one["source"]) for one in found]
        print(as_json(found) if json else columns(rows))

    return run(url, config, work)


def set_one(name: str, value: Value, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Set one; it is in force on all replicas within a second.

    Parameters
    ----------
    name
        Its name, as `dragoman settings list` tells it.
    value
        JSON, or a plain word: `fastest`, `false`, '{"attempts": 2}'. `-` takes it from standard input.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """
    text = sys.stdin.read() if value == "-" else value
    return run(url, config, lambda api: _put(api, name, _plain(text)))


def unset(name: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Leave one to what is usual again."""
    return run(url, config, lambda api: _put(api, name, None))


def _put(api: AdminApi, name: str, value: Any) -> None:
    known = {one["name"]: one for one in api.ask("GET", "/settings").json}
    if name not in known:
        changeable = ", ".join(one["name"] for one in known.values() if one["changeable"])
        raise Refused(f"There is no setting '{name}'. There are: {changeable}.")
    told = api.ask("PUT", f"/settings/{name}", {"value": value, "revision": known[name]["revision"]}).json
    print(f"{name} is {'not set' if told['value'] is None else _short(told['value'])}.")


def _plain(text: str) -> Any:
    """A value as it is written by hand: JSON, else the text itself."""
    import msgspec

    try:
        return msgspec.json.decode(text)
    except msgspec.DecodeError:
        return text.strip()


def _short(value: Any) -> str:
    import msgspec

    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    return text if len(text) <= WIDEST else f"{text[:WIDEST]}…"
