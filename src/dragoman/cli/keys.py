"""`dragoman keys`: API keys, what they may do, and how much of it."""

from __future__ import annotations

import sys
import time
from dataclasses import dataclass
from typing import Annotated, Any

from cyclopts import App, Parameter

from dragoman.cli.desk import AdminApi, Refused, Url, named, run
from dragoman.cli.money import FORM, budget_of, usage_of
from dragoman.cli.options import ConfigFile, Switch
from dragoman.cli.say import as_json, columns

DAY_MS = 86_400_000
Several = Annotated[list[str] | None, Parameter(negative="")]


@Parameter(name="*")
@dataclass(frozen=True)
class Terms:
    """What a key may do. What is not said stays as it is; where nothing is said at all, anything.

    Parameters
    ----------
    note
        Words for people.
    project
        The project it belongs to.
    owner
        Login of the user it belongs to, with whom it is switched off.
    profile
        The profile it uses; else the default one.
    model
        A model it may ask for, `*` standing for anything. May be said several times; else all.
    door
        A dialect it may speak, as anthropic. May be said several times; else all.
    address
        A network it may be used from, as 10.0.0.0/8. May be said several times; else all.
    budget
        As "20 USD/month", "1000000 tokens/past 5h", "500 requests/day in Europe/Moscow for claude-opus-*". May be said
        several times.
    rpm
        Requests in any minute.
    tpm
        Tokens in any minute.
    simultaneous
        Requests at one time.
    days
        How long it is good for from now on; else for ever.
    """

    note: str | None = None
    project: str | None = None
    owner: str | None = None
    profile: str | None = None
    model: Several = None
    door: Several = None
    address: Several = None
    budget: Several = None
    rpm: int | None = None
    tpm: int | None = None
    simultaneous: int | None = None
    days: int | None = None

    def upon(self, spec: dict[str, Any]) -> dict[str, Any]:
        """The key's description with what is said here; an empty text or a 0 takes away. Raises `Refused`."""
        try:
            budgets = [budget_of(text) for text in self.budget or [] if text]
        except ValueError as found:
            raise Refused(f"{found} {FORM}") from None
        words = {"note": self.note, "project": self.project, "owner": self.owner, "profile": self.profile}
        lists = {"models": self.model, "doors": self.door, "addresses": self.address}
        limits = {"rpm": self.rpm, "tpm": self.tpm, "simultaneous": self.simultaneous}
        told: dict[str, Any] = {name: word for name, word in words.items() if word is not None}
        told |= {name: [text for text in texts if text] for name, texts in lists.items() if texts is not None}
        told |= {} if self.budget is None else {"budgets": budgets}
        told["limits"] = spec.get("limits", {}) | {
            what: much or None for what, much in limits.items() if much is not None
        }
        return spec | told

    def expiry(self) -> dict[str, int]:
        """When it is good no more, if that is said."""
        if self.days is None:
            return {}
        if self.days < 0:
            raise Refused("A key that is over already opens nothing. Say how many days it is good for; 0: for ever.")
        return {"expires_ms": time.time_ns() // 1_000_000 + self.days * DAY_MS if self.days else 0}


def app() -> App:
    """The commands."""
    keys = App(name="keys", help="API keys of this gateway: make, show, limit, rotate, switch off.")
    keys.command(list_keys, name="list")
    keys.command(show)
    keys.command(add)
    keys.command(change)
    keys.command(rotate)
    keys.command(usage_of("keys"), name="usage")
    return keys


def list_keys(*, archived: Switch = False, json: Switch = False, url: Url = None, config: ConfigFile = None) -> int:
    """List API keys by name, without what opens the doors; with --archived those put away, too."""

    def work(api: AdminApi) -> None:
        found = api.ask("GET", "/keys", query={"archived": "true"} if archived else None).json
        rows = [("name", "key", "state", "project", "owner", "profile")]
        for key in found:
            spec = key["spec"]
            if "fault" in key:
                rows.append((spec["name"], "-", "unread", "", "", ""))
                continue
            whose = (spec["project"], spec["owner"], spec["profile"])
            rows.append((spec["name"], f"dgm_{key['public_id']}…", key["state"], *whose))
        print(as_json(found) if json else columns(rows))

    return run(url, config, work)


def show(name: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Show one as JSON, without what opens the doors."""
    return run(url, config, lambda api: print(as_json(named(api, "keys", name))))


def add(name: str, /, *, terms: Terms | None = None, url: Url = None, config: ConfigFile = None) -> int:
    """Make an API key. Its text is shown only now.

    Parameters
    ----------
    name
        What it is called.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """

    def work(api: AdminApi) -> None:
        wanted = terms or Terms()
        said = {"spec": wanted.upon({"name": name}), **wanted.expiry()}
        _tell_text(api.ask("POST", "/keys", said).json["text"], name)

    return run(url, config, work)


def change(
    name: str,
    /,
    *,
    rename: str | None = None,
    terms: Terms | None = None,
    url: Url = None,
    config: ConfigFile = None,
) -> int:
    """Change what a key may do; its text stays. What is not said stays, '' or 0 takes away.

    Parameters
    ----------
    name
        What it is called.
    rename
        What it is to be called from now on.
    url
        A gateway elsewhere.
    config
        Configuration file.
    """

    def work(api: AdminApi) -> None:
        key, wanted = named(api, "keys", name), terms or Terms()
        spec = wanted.upon(key["spec"] | {"name": rename or name})
        said = {"revision": key["revision"], "spec": spec, **wanted.expiry()}
        api.ask("PATCH", f"/keys/{key['id']}", said)
        print(f"{name} is changed.")

    return run(url, config, work)


def rotate(name: str, /, *, url: Url = None, config: ConfigFile = None) -> int:
    """Give a key another text, shown only now; the old one opens nothing any more."""

    def work(api: AdminApi) -> None:
        key = named(api, "keys", name)
        made = api.ask("POST", f"/keys/{key['id']}/rotate", {"revision": key["revision"]}).json
        _tell_text(made["text"], name)

    return run(url, config, work)


def _tell_text(text: str, name: str) -> None:
    print(text)
    print(f"This is {name}, shown only now. A client presents it as its API key.", file=sys.stderr)
