"""The models that a provider lists for a channel."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Mapping
from urllib.parse import urlencode, urlsplit

import msgspec
from msgspec import Raw, Struct

from dragoman.canon.patterns import LONGEST_NAME
from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.net.transport import Transport
from dragoman.providers.addresses import models_url
from dragoman.relay.outlet import Outlet
from dragoman.relay.scrub import scrubbed, secrets_in
from dragoman.store.ports import Actor, Configuration, Setting

PATIENCE_S = 20.0
LIST_LIMIT = 16 * 1024 * 1024
REMEMBERED = "models:"
"""What names of settings begin with that hold a channel's models; its name follows."""
PAGES = 20
"""Pages that are read at most."""
FOLDERS = re.compile(r"^(publishers/[^/]+/)?models/")
"""What Gemini and Vertex write before a model's name."""


class _Row(Struct):
    id: str = ""
    name: str = ""


class _Page(Struct):
    """One page as any of the vendors tells it.

    OpenAI and GigaChat: `data`; Anthropic: `data`, `has_more` and `last_id`; Gemini: `models` and `nextPageToken`;
    Vertex: `publisherModels`. Their references on listing models, read 2026-11-20.
    """

    data: list[_Row] | None = None
    models: list[_Row] | None = None
    publisherModels: list[_Row] | None = None  # noqa: N815 - the wire's own word
    has_more: bool = False
    last_id: str | None = None
    nextPageToken: str = ""  # noqa: N815 - the wire's own word

    @property
    def next(self) -> dict[str, str]:
        """What the query for the next page says; nothing: this was the last."""
        if self.has_more and self.last_id:
            return {"after_id": self.last_id}
        return {"pageToken": self.nextPageToken} if self.nextPageToken else {}


async def listed(transport: Transport, outlet: Outlet) -> tuple[str, ...]:
    """The names, sorted. Raises `Trouble`, whose problem holds no secret."""
    try:
        async with asyncio.timeout(PATIENCE_S):
            return tuple(sorted(await _listed(transport, outlet)))
    except TimeoutError:
        words = f"The provider was asked for its models but did not answer within {PATIENCE_S:.0f} s."
        raise Trouble(problem(Kind.TIMEOUT, words)) from None
    except Trouble as trouble:
        raise Trouble(scrubbed(trouble.problem, secrets_in(outlet.headers({}, "", stream=False)))) from None


def matching(names: Iterable[str], pattern: str) -> tuple[str, ...]:
    """Those that a regular expression matches whole; all where it is empty."""
    wanted = re.compile(pattern or ".*")
    return tuple(name for name in names if wanted.fullmatch(name[:LONGEST_NAME]))


async def remember(configuration: Configuration, by: Actor, channel: str, names: tuple[str, ...]) -> bool:
    """Remembers the models that were taken for a channel; whether they are others than before."""
    name, value = f"{REMEMBERED}{channel}", Raw(msgspec.json.encode(names))
    known = {row.spec.name: row for row in await configuration.settings.all()}
    before = known.get(name)
    if before is None:
        await configuration.settings.add(by, Setting(name, value))
    elif bytes(before.spec.value) != bytes(value):
        await configuration.settings.change(by, before.id, before.revision, spec=Setting(name, value))
    return before is None or bytes(before.spec.value) != bytes(value)


def is_remembered(setting: str) -> bool:
    """Whether a setting of this name is what a provider listed, which nobody configures."""
    return setting.startswith(REMEMBERED)


def remembered(settings: Mapping[str, Raw]) -> dict[str, tuple[str, ...]]:
    """By channel, the models that were taken."""
    return {
        name.removeprefix(REMEMBERED): msgspec.json.decode(value, type=tuple[str, ...])
        for name, value in settings.items()
        if name.startswith(REMEMBERED)
    }


async def _listed(transport: Transport, outlet: Outlet) -> set[str]:
    channel = outlet.channel
    url = models_url(outlet.provider, channel.base_url, outlet.dialect.path, channel.options)
    if not url:
        words = "The provider has no list of models. Write them by hand."
        raise Trouble(problem(Kind.UNSUPPORTED, words))
    names: set[str] = set()
    asked: dict[str, str] = {}
    for _ in range(PAGES):
        page = await _page(transport, outlet, _with_query(url, asked))
        rows = page.data or page.models or page.publisherModels or []
        names |= {FOLDERS.sub("", row.id or row.name) for row in rows}
        if not (asked := page.next):
            break
    return names - {""}


async def _page(transport: Transport, outlet: Outlet, url: str) -> _Page:
    answer = await transport.send(outlet.call(url, outlet.headers({}, "", stream=False), method="GET"))
    try:
        body = await answer.whole(LIST_LIMIT)
    finally:
        answer.close()
    if answer.status >= 300:
        raise Trouble(outlet.dialect.read_problem(answer.status, answer.headers, body))
    try:
        return msgspec.json.decode(body, type=_Page)
    except msgspec.DecodeError:
        words = "The provider was asked for its models but what came is no list of them. Check base_url."
        raise Trouble(problem(Kind.GARBLED, words)) from None


def _with_query(url: str, asked: dict[str, str]) -> str:
    if not asked:
        return url
    return f"{url}{'&' if urlsplit(url).query else '?'}{urlencode(asked)}"
