"""`dragoman channels bulk|try|copy`: many channels at once, and one more that is like another."""

from __future__ import annotations

from typing import Annotated, Literal

from cyclopts import App, Parameter

from dragoman.cli.channels import Tried, told_of
from dragoman.cli.desk import AdminApi, Refused, Url, named, run
from dragoman.cli.options import ConfigFile, Switch
from dragoman.cli.say import as_json

Words = Annotated[list[str] | None, Parameter(negative="")]


def add_bulk_commands(app: App) -> None:
    """Adds them to the commands of channels."""
    app.command(bulk, name="bulk")
    app.command(try_all, name="try")
    app.command(copy, name="copy")


def bulk(
    *names: str,
    tagged: str = "",
    state: Literal["enabled", "disabled", "archived"] | None = None,
    add_tag: Words = None,
    drop_tag: Words = None,
    weight: float | None = None,
    priority: int | None = None,
    add_overrides: Words = None,
    drop_overrides: Words = None,
    remove: Switch = False,
    force: Switch = False,
    json: Switch = False,
    url: Url = None,
    config: ConfigFile = None,
) -> int:
    """Change or remove many channels of the database: all of them, or none.

    Parameters
    ----------
    names
        The channels.
    tagged
        All that have this tag, instead of names.
    state
        Enables, disables or archives them.
    add_tag
        A tag that they get. May be said several times.
    drop_tag
        A tag that they lose. May be said several times.
    weight
        Their share among channels of one priority.
    priority
        Lower is tried first.
    add_overrides
        A set of changes that they take. May be said several times.
    drop_overrides
        A set of changes that they take no more. May be said several times.
    remove
        Remove them for good, with their secrets.
    force
        Remove or archive also what profiles or projects name.
    json
        As JSON.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """
    wanted: dict[str, object] = {
        "state": state,
        "add_tags": add_tag,
        "drop_tags": drop_tag,
        "weight": weight,
        "priority": priority,
        "add_overrides": add_overrides,
        "drop_overrides": drop_overrides,
        "remove": remove or None,
        "force": force or None,
    }

    def work(api: AdminApi) -> None:
        said = {**_chosen(api, names, tagged), **{name: value for name, value in wanted.items() if value is not None}}
        rows = api.ask("POST", "/channels/bulk", said).json
        left = ", ".join(row["spec"]["name"] for row in rows)
        print(as_json(rows) if json else f"{left} changed." if left else "All of them are removed.")

    return run(url, config, work)


def try_all(
    *names: str,
    tagged: str = "",
    what: Tried = None,
    json: Switch = False,
    url: Url = None,
    config: ConfigFile = None,
) -> int:
    """Try many channels of the database, each with its own model. Costs some tokens.

    Parameters
    ----------
    names
        The channels.
    tagged
        All that have this tag, instead of names.
    what
        What is tried; a text if nothing is said. May be said several times.
    json
        As JSON.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """

    def work(api: AdminApi) -> int:
        said = _chosen(api, names, tagged)
        if what:
            said["tests"] = what
        found = api.ask("POST", "/channels/test", said).json
        print(as_json(found) if json else "\n".join(map(told_of, found)))
        return 0 if all(one["ok"] for one in found) else 1

    return run(url, config, work)


def copy(name: str, new: str, /, *, secrets: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """Make a disabled channel that is like another.

    Parameters
    ----------
    name
        The channel.
    new
        What the copy is called.
    secrets
        Copy its secrets, too, which only an admin may.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """

    def work(api: AdminApi) -> None:
        api.ask("POST", f"/channels/{named(api, 'channels', name)['id']}/copy", {"name": new, "secrets": secrets})
        rest = "" if secrets else " Give it its secrets by `dragoman channels put`."
        print(f"{new} is like {name} and disabled.{rest}")

    return run(url, config, work)


def _chosen(api: AdminApi, names: tuple[str, ...], tagged: str) -> dict[str, object]:
    """Which channels are meant. Raises `Refused`."""
    if tagged and not names:
        return {"tag": tagged}
    if tagged or not names:
        raise Refused("It is not said which channels. Name them, or say --tagged with a tag.")
    ids = {row["spec"]["name"]: row["id"] for row in api.ask("GET", "/channels").json}
    if absent := [name for name in names if name not in ids]:
        raise Refused(
            f"There is no channel {', '.join(absent)} in the database. There are: {', '.join(ids) or 'none'}."
        )
    return {"ids": [ids[name] for name in names]}
