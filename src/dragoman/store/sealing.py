"""Which members of a description are secrets, and what stands in their place when it is looked at.

A secret is written and never read again. Whoever looks at a description sees a mark, as `sealed:3f9c01d2:mnop`: the
secret's own id, and its last four characters where it is long enough to lose them. Giving the mark back, in whatever
order where there are several, keeps the secret as it is; it can stand for it in the same member only.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import TypeVar

import msgspec
from msgspec import Raw
from msgspec.structs import replace

from dragoman.providers.base import SECRET_OPTIONS
from dragoman.shapes.channel import ChannelTable
from dragoman.shapes.secret import SEALED as MARK
from dragoman.shapes.sso import SsoTable
from dragoman.store.ports import Setting, StoreTrouble

S = TypeVar("S")
Change = Callable[[str, str], str]
"""From the member that a secret is in and what stands there, to what shall stand there."""
ChangeAll = Callable[[S, Change], S]

LEAST_SHOWN = 12
"""Characters of a secret that shows its last four."""


def of_channel(spec: ChannelTable, change: Change) -> ChannelTable:
    """The channel with each of its secrets changed: its keys, and what may hold one."""
    return replace(
        spec,
        api_key=change("api_key", spec.api_key) if spec.api_key else "",
        api_keys=tuple(change("api_keys", key) for key in spec.api_keys),
        headers={name: change(f"headers/{name}", value) for name, value in spec.headers.items()},
        header=tuple(
            replace(each, value=change(f"header/{each.name}", each.value)) if each.value else each
            for each in spec.header
        ),
        proxy=change("proxy", spec.proxy) if spec.proxy and _is_address(spec.proxy) else spec.proxy,
        options={
            name: change(f"options/{name}", str(value)) if name in SECRET_OPTIONS and value != "" else value
            for name, value in spec.options.items()
        },
    )


def of_setting(spec: Setting, change: Change) -> Setting:
    """The setting with each of its secrets changed: addresses of proxies, which may hold passwords."""
    if spec.name != "proxies":
        return spec
    found = msgspec.json.decode(spec.value, type=dict[str, str])
    sealed = {name: change(f"proxies/{name}", address) for name, address in found.items()}
    return Setting(spec.name, Raw(msgspec.json.encode(sealed)))


def of_sso(spec: SsoTable, change: Change) -> SsoTable:
    """The identity provider with our secret there changed."""
    return replace(spec, client_secret=change("client_secret", spec.client_secret) if spec.client_secret else "")


def of_nothing(spec: S, _: Change) -> S:
    """The description of something that has no secrets."""
    return spec


def faults_of_secrets(spec: ChannelTable) -> list[str]:
    """What surely is no secret among the keys and secret options that a channel is given."""
    given = [("api_key", spec.api_key)] if spec.api_key else []
    given += [("api_keys", text) for text in spec.api_keys]
    given += [(f"options.{name}", str(text)) for name, text in spec.options.items() if name in SECRET_OPTIONS and text]
    return [f"`{member}` {wrong}" for member, text in given if (wrong := no_secret(text))]


def no_secret(text: str) -> str:
    """Why this is no secret, in words; empty if it may be one. A reference as the configuration file takes it leads
    nowhere here: it would be sent as the secret itself."""
    if not text.strip():
        return "holds an empty one. Is a variable not set? Give the secret, or leave it out."
    if text.startswith(("env:", "file:", "$")):
        return f"refers to '{text[:40]}', which only the configuration file can. Give the secret itself; it is sealed."
    if not text.strip().isprintable():
        return "holds characters that no secret has. Give it anew."
    return ""


def without_secrets(spec: S) -> S:
    """The description without its secrets and what they stand in, as it may be copied; headers may hold secrets."""
    if not isinstance(spec, ChannelTable):
        return spec
    return replace(
        spec,
        api_key="",
        api_keys=(),
        headers={},
        header=tuple(each for each in spec.header if not each.value),
        proxy=None if spec.proxy and spec.proxy.startswith(MARK) else spec.proxy,
        options={name: value for name, value in spec.options.items() if name not in SECRET_OPTIONS},
    )


def parted(spec: S, change_all: ChangeAll[S]) -> tuple[S, dict[str, str], frozenset[str]]:
    """The description as it may be looked at, the secrets given in it by place, and the places of those kept."""
    new: dict[str, str] = {}
    kept: set[str] = set()

    def seal(member: str, text: str) -> str:
        if text.startswith(MARK):
            kept.add(_place(member, text))
            return text
        mark = f"{MARK}{secrets.token_hex(4)}:{text[-4:] if len(text) >= LEAST_SHOWN else ''}"
        new[_place(member, mark)] = text
        return mark

    return change_all(spec, seal), new, frozenset(kept)


def joined(spec: S, known: Mapping[str, str], change_all: ChangeAll[S]) -> S:
    """The description with its secrets in their places. Trouble: damaged, where one is not there."""

    def unseal(member: str, mark: str) -> str:
        if not mark.startswith(MARK):
            return mark  # stored before this member was taken for a secret
        if _place(member, mark) not in known:
            raise StoreTrouble("damaged", f"A secret of {member} is not in the database.")
        return known[_place(member, mark)]

    return change_all(spec, unseal)


def _is_address(proxy: str) -> bool:
    """Whether a channel's proxy is an address or its mark, and not a word for one."""
    return "://" in proxy or proxy.startswith(MARK)


def _place(member: str, mark: str) -> str:
    """Where a secret lies: its member, and the id that its mark gives."""
    return f"{member}/{mark.removeprefix(MARK).partition(':')[0]}"
