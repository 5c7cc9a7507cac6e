"""The coding agents that can be started here, and what each is started with so that it asks a gateway.

The rows stand in `agents.toml`. An agent that takes its provider from the environment needs settings alone. For one
that wants configuration, that goes by arguments, by a variable, or by a file in a home of its own, over what the user's
own file says; the user's file stays as it is.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping, Sequence
from importlib.resources import files
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct, field

from dragoman.settings.server import is_loopback
from dragoman.shapes.secret import Secret

PLACEHOLDER = "dragoman"
"""Sent where the gateway wants no key: without any credential most agents ask the user to log in."""
LOOPBACK = "127.0.0.1,localhost"
PROXIES = ("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy")


class Setting(Struct, frozen=True, forbid_unknown_fields=True):
    """One variable; `value` None removes what was inherited."""

    name: str
    value: str | None = None
    reason: str = ""


class Agent(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One row of the table."""

    name: str
    """As people call it; the row's key is its command."""
    install: str
    """The line that installs it."""
    asks_for: Literal["its own", "offered", "needed"]
    """Which model, where none is named: its own, or the first that the gateway offers, without which it may have one
    of its own or not."""
    settings: tuple[Setting, ...] = ()
    model_settings: tuple[Setting, ...] = ()
    """Added where a model is known."""
    quiet_settings: tuple[Setting, ...] = ()
    """Added where only essential calls are wished."""
    arguments: tuple[str, ...] = ()
    model_arguments: tuple[str, ...] = ()
    """Added where a model is known and the user's own arguments name none."""
    heeds_no_proxy: bool = True
    """Whether `NO_PROXY` keeps it from asking a proxy for loopback; if not, it must not know of the proxy."""
    config: Mapping[str, Any] = field(default_factory=dict)
    model_config: Mapping[str, Any] = field(default_factory=dict)
    """Added to `config` where a model is known."""
    quiet_config: Mapping[str, Any] = field(default_factory=dict)
    """Added to `config` where only essential calls are wished."""
    flag: str = ""
    """The option that takes a path and a value of the configuration, once for each."""
    variable: str = ""
    """The variable that takes the configuration as JSON."""
    home: str = ""
    """The variable that tells where the home is whose `file` takes the configuration as JSON."""
    file: str = ""
    """The configuration's path in a home."""


class Wanted(Struct, frozen=True, kw_only=True):
    """What an agent shall ask, and how."""

    url: str
    key: Secret | None = None
    models: tuple[str, ...] = ()
    """The names that the gateway offers."""
    model: str = ""
    """The name to ask for; empty leaves it to the agent."""
    arguments: tuple[str, ...] = ()
    """The user's own."""
    essential_only: bool = False


class Outfit(Struct, frozen=True, kw_only=True):
    """What an agent is started with."""

    settings: tuple[Setting, ...]
    """In the order to tell them."""
    arguments: tuple[str, ...] = ()
    """The user's own stand last."""
    config: Mapping[str, Any] = field(default_factory=dict)
    """What must stand in the file of a home of its own; empty: it needs none."""


def agents() -> Mapping[str, Agent]:
    """All rows by command, in the order of the file that comes with the package."""
    text = (files(__package__) / "agents.toml").read_text(encoding="utf-8")
    return msgspec.convert(tomllib.loads(text), dict[str, Agent])


def model_for(agent: Agent, named: str | None, offered: Sequence[str]) -> str | None:
    """The model to ask for; empty leaves it to the agent, and None says that there must be one but is none."""
    if named or agent.asks_for == "its own":
        return named or ""
    return next(iter(offered), None if agent.asks_for == "needed" else "")


def outfit(agent: Agent, wanted: Wanted, environ: Mapping[str, str]) -> Outfit:
    """What starts the agent for this gateway, given the environment that it would inherit.

    Raises `ValueError` where a variable of the user's that must be added to is not JSON.
    """
    rows = [
        *agent.settings,
        *(agent.model_settings if wanted.model else ()),
        *(agent.quiet_settings if wanted.essential_only else ()),
    ]
    settings = [msgspec.structs.replace(row, value=_filled(row.value, wanted)) for row in rows]
    config = merged(agent.config, agent.model_config if wanted.model else {})
    filled = _filled(merged(config, agent.quiet_config if wanted.essential_only else {}), wanted)
    if agent.variable:
        theirs = read_config(environ.get(agent.variable, ""))
        text = msgspec.json.encode(merged(theirs, filled)).decode()
        settings.append(Setting(agent.variable, text, "The gateway as a provider, over the configuration files."))
    return Outfit(
        settings=(*settings, *_beside_proxies(agent, wanted, environ)),
        arguments=(
            *(_filled(word, wanted) for word in (*agent.arguments, *_model_arguments(agent, wanted))),
            *(_as_arguments(agent.flag, filled) if agent.flag else ()),
            *wanted.arguments,
        ),
        config=filled if agent.file else {},
    )


def _model_arguments(agent: Agent, wanted: Wanted) -> tuple[str, ...]:
    """The arguments that name the model; none where the user's do, since most agents take the option only once."""
    named = any(word == "-m" or word.partition("=")[0] == "--model" for word in wanted.arguments)
    return agent.model_arguments if wanted.model and not named else ()


def read_config(text: str) -> dict[str, Any]:
    """A configuration's text, which may be empty. Raises `ValueError` where it is not a JSON object."""
    try:
        return msgspec.json.decode(text, type=dict[str, Any]) if text.strip() else {}
    except msgspec.DecodeError as error:
        raise ValueError(str(error)) from None


def merged(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Both configurations; of what stands in both, tables are merged and else `above` wins."""
    both = {
        name: merged(below[name], value)
        for name, value in above.items()
        if isinstance(value, dict) and isinstance(below.get(name), dict)
    }
    return {**below, **above, **both}


def _filled(value: Any, wanted: Wanted) -> Any:
    """A value of a row with what its words stand for."""
    match value:
        case "$models":
            return {name: {} for name in dict.fromkeys([*wanted.models, wanted.model]) if name}
        case str():
            key = wanted.key.reveal() if wanted.key else PLACEHOLDER
            return value.replace("$url", wanted.url).replace("$key", key).replace("$model", wanted.model)
        case dict():
            return {name: _filled(inner, wanted) for name, inner in value.items()}
        case _:
            return value


def _as_arguments(flag: str, config: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """The options that set each leaf of a configuration; a JSON string is a TOML string as well."""
    for name, value in config.items():
        if isinstance(value, dict):
            yield from _as_arguments(flag, value, f"{path}{name}.")
        else:
            yield from (flag, f"{path}{name}={msgspec.json.encode(value).decode()}")


def _beside_proxies(agent: Agent, wanted: Wanted, environ: Mapping[str, str]) -> Iterator[Setting]:
    """What keeps loopback from being asked of a proxy, where one is set."""
    proxies = [name for name in PROXIES if environ.get(name)]
    if not proxies:
        return
    for name in ("NO_PROXY", "no_proxy"):
        yield Setting(name, _with_loopback(environ.get(name, "")), "Loopback is not asked of the proxy.")
    if not agent.heeds_no_proxy and is_loopback(urlsplit(wanted.url).hostname or ""):
        yield from (Setting(name, None, "It would ask the proxy for loopback as well.") for name in proxies)


def _with_loopback(hosts: str) -> str:
    """A NO_PROXY list that has the loopback addresses."""
    known = [host for host in hosts.split(",") if host.strip()]
    return ",".join([*known, *(host for host in LOOPBACK.split(",") if host not in known)])
