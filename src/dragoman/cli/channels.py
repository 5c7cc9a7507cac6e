"""`dragoman channels test|models|sync|health|heal`: what can be done with a channel beside changing it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from cyclopts import App, Parameter

from dragoman.cli.desk import AdminApi, Url, run
from dragoman.cli.options import ConfigFile, Switch
from dragoman.cli.say import as_json, columns, styled

Tried = Annotated[list[Literal["text", "stream", "tool", "image"]] | None, Parameter(negative="")]


def add_channel_commands(app: App) -> None:
    """Adds them to the commands of channels."""
    app.command(try_out, name="test")
    app.command(history, name="tests")
    app.command(models, name="models")
    app.command(sync, name="sync")
    app.command(health, name="health")
    app.command(heal, name="heal")


def try_out(
    name: str,
    /,
    *,
    what: Tried = None,
    model: str = "",
    each_key: Switch = False,
    json: Switch = False,
    url: Url = None,
    config: ConfigFile = None,
) -> int:
    """Try a text, a stream, a call of a tool and a picture on a channel. Costs some tokens.

    Parameters
    ----------
    name
        The channel.
    what
        Only this. May be said several times.
    model
        The model that is asked; else one that the channel is configured for.
    each_key
        Each of the channel's keys, not only the first.
    json
        As JSON.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """
    said: dict[str, object] = {"model": model, "each_key": each_key}
    if what:
        said["tests"] = what

    def work(api: AdminApi) -> int:
        found = api.ask("POST", f"/channels/{_id(api, name)}/test", said).json
        print(as_json(found) if json else "\n".join(map(told_of, found)))
        return 0 if all(one["ok"] for one in found) else 1

    return run(url, config, work)


def history(name: str, /, *, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """Show what tests of a channel have found, the latest first."""

    def work(api: AdminApi) -> None:
        found = api.ask("GET", f"/channels/{_id(api, name)}/tests").json
        rows = [("when", "by", "account", "model", "test", "found")]
        rows += [
            (moment(one["at_ms"]), one["by"] or "-", one["account"], one["model"], one["test"], _result(one))
            for one in found
        ]
        print(as_json(found) if json else columns(rows) if found else f"{name} was not tested yet.")

    return run(url, config, work)


def models(name: str, /, *, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """Ask a channel's provider which models it has; nothing is changed."""

    def work(api: AdminApi) -> None:
        found = api.ask("GET", f"/channels/{_id(api, name)}/models").json
        print(as_json(found) if json else "\n".join(found["taken"]))

    return run(url, config, work)


def sync(name: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Ask a channel's provider for its models, and take those that the channel's pattern matches."""

    def work(api: AdminApi) -> None:
        found = api.ask("POST", f"/channels/{_id(api, name)}/models").json
        print(f"{name} takes {len(found['taken'])} of {len(found['listed'])} models.")

    return run(url, config, work)


def health(*, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """Show how channels are, as a running gateway knows: what rests, and why."""

    def work(api: AdminApi) -> None:
        found = api.ask("GET", "/channels/health").json
        rows = [("account", "state", "why", "left")]
        rows += [(one["account"], one["state"], _reasons(one["reasons"]), _left(one)) for one in found]
        print(as_json(found) if json else columns(rows))

    return run(url, config, work)


def heal(name: str, /, *, url: Annotated[str, Parameter(name="--url")]) -> int:
    """Have a running gateway forget what it holds against a channel that was mended.

    Parameters
    ----------
    name
        The channel.
    url
        The gateway's address.
    """

    def work(api: AdminApi) -> None:
        api.ask("POST", f"/channels/{_id(api, name)}/heal")
        print(f"{name} is asked again at once.")

    return run(url, None, work)


def _id(api: AdminApi, name: str) -> str:
    """The channel's id; its name where it is one of the file or the environment."""
    rows = {row["spec"]["name"]: row["id"] for row in api.ask("GET", "/channels").json}
    return str(rows.get(name, name))


def told_of(found: Any) -> str:
    """What one call found, for people."""
    mark = styled("works", "green") if found["ok"] else styled("fails", "red")
    status = f", {found['status']}" if found["status"] else ""
    lines = [f"{mark}  {found['test']:6} {found['account']} ({found['model']}, {found['took_ms']} ms)"]
    if not found["ok"]:
        lines.append(f"       {found['problem']}{status}: {found['suggestion']}")
    return "\n".join(lines)


def moment(at_ms: int) -> str:
    """A moment as people read it, in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%Y-%m-%d %H:%M:%SZ")


def _result(one: Any) -> str:
    """What one call found, in few words."""
    if one["ok"]:
        return f"works, {one['took_ms']} ms"
    return f"{one['problem']}, {one['status']}" if one["status"] else str(one["problem"])


def _left(one: Any) -> str:
    """What is left of an account, and of the limits that its provider tells."""
    funds, words = one["funds"], []
    if funds is not None:
        amounts = [f"{each['left']:,.10g} {each['unit']} {each['of']}".strip() for each in funds["amounts"]]
        words.append(", ".join([funds["state"], *amounts, *filter(None, [funds["problem"]])]))
    words += [f"{rate['model']}: {rate['left']} of {rate['limit']} {rate['of']}" for rate in one["rates"]]
    return "; ".join(words) or "-"


def _reasons(found: list[Any]) -> str:
    return "; ".join(f"{one['scope']}: {one['kind']}" for one in found if one["is_open"]) or "-"
