"""`dragoman models offered|unreached`: what can be asked for, and what nobody can reach."""

from __future__ import annotations

from typing import Any

from cyclopts import App

from dragoman.cli.desk import AdminApi, Url, run
from dragoman.cli.options import ConfigFile, Switch
from dragoman.cli.say import as_json, columns

SHOWN = 3
"""Places and keys of one line at most."""


def add_model_commands(app: App) -> None:
    """Adds them to the commands of models; without a word, what can be asked for is listed."""
    app.help = "What can be asked for, and what is known of models."
    app.default(offered)
    app.command(offered, name="offered")
    app.command(unreached, name="unreached")


def offered(
    *,
    key: str = "",
    profile: str = "",
    door: str = "",
    json: Switch = False,
    url: Url = None,
    config: ConfigFile = None,
) -> int:
    """List what can be asked for, where it goes, what it costs, and who may ask for it.

    Parameters
    ----------
    key
        What this API key may ask for.
    profile
        What is answered under this profile.
    door
        What may be asked for in this dialect, as anthropic.
    json
        As JSON.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """
    query = {name: value for name, value in (("key", key), ("profile", profile), ("door", door)) if value}

    def work(api: AdminApi) -> None:
        found = api.ask("GET", "/models/offered", query=query).json
        if json:
            print(as_json(found))
            return
        head = ("name", "goes to", "context", "in / out", "profiles", "keys")
        print(columns([head, *map(_line, found)]) if found else "Nothing can be asked for.")

    return run(url, config, work)


def unreached(*, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """List models of channels that no rule leads to, and targets of rules that lead nowhere.

    The exit code is 1 where a target leads nowhere; one that names a model which its channel does not list is asked for
    all the same.
    """

    def work(api: AdminApi) -> int:
        found = api.ask("GET", "/models/unreached").json
        if json:
            print(as_json(found))
        else:
            print("\n".join(_told(found)))
        return 0 if all(one["asked"] for one in found["astray"]) else 1

    return run(url, config, work)


def _line(one: Any) -> tuple[str, ...]:
    """One name for people."""
    places = [f"{place['channel']}/{place['model']}" for place in one["places"]]
    context = one["card"].get("context")
    return (
        one["name"],
        _cut(places),
        f"{context:,}" if context else "-",
        _price(one["places"][0]["price"]),
        _cut(one["profiles"]),
        _cut(one["keys"]),
    )


def _price(price: Any) -> str:
    """What a million tokens cost."""
    if price is None:
        return "-"
    return f"{price['input']} / {price['output']} {price['currency']}"


def _cut(words: list[str]) -> str:
    """The first of some words, and how many more there are."""
    more = f" +{len(words) - SHOWN}" if len(words) > SHOWN else ""
    return ", ".join(words[:SHOWN]) + more if words else "-"


def _told(found: Any) -> list[str]:
    """What nobody can reach, for people."""
    lines = [*map(_told_of_target, found["astray"]), *map(_told_of_model, found["idle"])]
    return lines or ["A rule leads to every model, and every target leads somewhere."]


def _told_of_target(one: Any) -> str:
    where = f"rule {one['rule']} of profile '{one['profile']}', for '{one['name']}'"
    return f"{one['target']} ({where}): {one['why']}{', but it is asked for' if one['asked'] else ''}."


def _told_of_model(one: Any) -> str:
    outcome = "it can be asked for by its name" if one["by_name"] else "nobody can ask for it"
    return f"{one['channel']}/{one['model']}: no rule leads to it; {outcome}."
