"""Channels and profiles made from their tables: provider rows merged in, secrets fetched, references checked."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct

from dragoman.providers.base import Card, MemberType, Provider
from dragoman.providers.catalog import TOKEN_SOURCES
from dragoman.providers.options import read_member
from dragoman.providers.tokens import Account
from dragoman.routing.shape import CardTable, ChannelTable, ProfileTable, RuleTable, TargetTable, TimeoutsTable
from dragoman.routing.snapshot import Channel, ModelCard, Profile, Rule, RuleTarget, Timeouts
from dragoman.settings.reading import near
from dragoman.settings.record import Notice
from dragoman.settings.sources import Secrets, expanded

HEADER_NAME = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
"""A token (RFC 9110 section 5.6.2, read 2026-11-20)."""
HEADER_VALUE = re.compile(r"[\t\x20-\x7e\x80-\xff]*")
OWN_HEADERS = frozenset(
    ("connection", "content-length", "host", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade")
)
"""What belongs to the connection and cannot be set per channel (RFC 9110 section 7.6.1)."""
PATH_OPTIONS = frozenset({"ca_bundle", "certificate", "key"})
"""Options of channels that are paths, and therefore resolve against the file."""

Origin = Literal["file", "environment"]


class Workshop(Struct, frozen=True):
    """What channels and profiles are made with, and where the findings go."""

    rows: Mapping[str, Provider]
    secrets: Secrets
    faults: list[Notice]
    notices: list[Notice]

    def fault(self, where: str, what: str, remedy: str) -> None:
        """Remembers that the configuration cannot be used."""
        self.faults.append(Notice(where, what, remedy))

    def channel(self, table: ChannelTable, where: str, source: Origin) -> Channel | None:
        """The channel with what its provider's row adds; None if its provider is not known."""
        key = self.secrets.resolve(table.api_key, f"{where}.api_key", self.faults)
        row = self.rows.get(table.provider)
        if row is None:
            self.fault(
                f"{where}.provider", f"There is no provider '{table.provider}'.", near(table.provider, self.rows)
            )
            return None
        if not table.api_key and not row.key_optional and row.auth != "none":
            remedy = 'Add api_key = "env:NAME" with the name of the variable that holds it.'
            self.notices.append(Notice(where, f"{row.name} is called without a key, which it will refuse.", remedy))
        base_url, options = self._base_url(table, row, where), self._options(table, row, f"{where}.options")
        return Channel(
            name=table.name,
            provider=row.id,
            dialect=row.dialect,
            base_url=base_url,
            api_key=key,
            models=table.models,
            cards=_cards(table, row),
            priority=table.priority,
            weight=table.weight,
            timeouts=_timeouts(table.timeouts, row),
            headers=self._headers(table.headers, f"{where}.headers"),
            proxy=self._proxy(table.proxy, f"{where}.proxy"),
            max_output=table.max_output,
            options=options,
            limits=_limits(table, row, Account(key.reveal(), base_url, options)),
            native=row.native,
            habits=row.habits,
            source=source,
        )

    def _base_url(self, table: ChannelTable, row: Provider, where: str) -> str:
        if not table.base_url:
            if not row.base_url:
                remedy = "Add base_url, as the vendor's own SDK would be given it."
                self.fault(where, f"The provider '{row.id}' has no address of its own.", remedy)
            return row.base_url
        wrong = address_fault(table.base_url)
        if wrong:
            self.fault(f"{where}.base_url", wrong, "Write it as http://host:port/path or https://host/path.")
        return table.base_url.strip()

    def _headers(self, headers: Mapping[str, str], where: str) -> dict[str, str]:
        values = {
            name: self.secrets.resolve(text, f"{where}.{name}", self.faults).reveal() for name, text in headers.items()
        }
        for name, value in values.items():
            wrong = header_fault(name, value)
            if wrong:
                self.fault(f"{where}.{name}", wrong, "Correct it, or leave it out.")
        return values

    def _proxy(self, proxy: str | None, where: str) -> str | None:
        if proxy is None:
            return None
        address = self.secrets.resolve(proxy, where, self.faults).reveal()
        if address and urlsplit(address).scheme not in ("http", "https"):
            self.fault(where, "Only HTTP proxies can be used.", "Write it as http://host:port.")
        return address

    def _options(self, table: ChannelTable, row: Provider, where: str) -> dict[str, str]:
        options: dict[str, str] = {}
        for name, value in table.options.items():
            if name not in row.options:
                self.fault(f"{where}.{name}", f"{row.name} has no such option.", near(name, row.options))
            text = str(value).lower() if isinstance(value, bool) else str(value)
            if name in PATH_OPTIONS:
                text = str(self.secrets.folder / expanded(text, self.secrets.home))
            if name in row.body_options:
                self._check_member(row.body_options[name], text, f"{where}.{name}")
            options[name] = text
        for name in row.needed:
            if not table.base_url and not options.get(name):
                self.fault(where, f"{row.name} needs the option '{name}'.", row.options[name])
        return options

    def _check_member(self, kind: MemberType, text: str, where: str) -> None:
        try:
            read_member(kind, text)
        except ValueError as found:
            self.fault(where, str(found), "Correct it, or leave it out.")

    def profile(self, table: ProfileTable, where: str, channels: Collection[str]) -> Profile:
        """The profile with its patterns compiled and its targets checked against the names of all channels."""
        rules = tuple(
            self._rule(rule, f"{where}.rules[{place}]", channels) for place, rule in enumerate(table.rules, 1)
        )
        return Profile(table.name, rules)

    def _rule(self, table: RuleTable, where: str, channels: Collection[str]) -> Rule:
        match table.model, table.pattern:
            case (None, None):
                self.fault(
                    where, "The rule matches nothing.", "Add 'model' (exact) or 'pattern' (a regular expression)."
                )
            case (str(), str()):
                self.fault(where, "The rule has both 'model' and 'pattern'.", "Keep one of them.")
            case _:
                pass
        return Rule(
            model=table.model,
            pattern=self._pattern(table.pattern, f"{where}.pattern"),
            targets=tuple(
                self._target(target, f"{where}.targets[{place}]", channels)
                for place, target in enumerate(table.targets, 1)
            ),
            message=table.message,
        )

    def _pattern(self, pattern: str | None, where: str) -> re.Pattern[str] | None:
        if pattern is None:
            return None
        try:
            return re.compile(pattern)
        except re.error as found:
            place = "" if found.pos is None else f" at character {found.pos + 1}"
            self.fault(where, f"'{pattern}' is no regular expression: {found.msg}{place}.", "Correct it.")
            return None

    def _target(self, table: TargetTable, where: str, channels: Collection[str]) -> RuleTarget:
        if table.channel not in channels:
            self.fault(f"{where}.channel", f"There is no channel '{table.channel}'.", near(table.channel, channels))
        return RuleTarget(table.channel, table.model)


def address_fault(address: str) -> str:
    """What is wrong with an upstream's address, or an empty string."""
    try:
        parts = urlsplit(address.strip())
        sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return f"'{address}' is not an address."
    if not sound or re.search(r"\s", address.strip()):
        return f"'{address}' is not an HTTP address."
    if parts.username or parts.password:
        return "The address holds a user name or password, which would be shown; use api_key or headers."
    return ""


def header_fault(name: str, value: str) -> str:
    """What is wrong with a header to be sent upstream, or an empty string."""
    if not HEADER_NAME.fullmatch(name):
        return f"'{name}' cannot be the name of a header."
    if name.lower() in OWN_HEADERS:
        return f"The header '{name}' belongs to the connection."
    if not HEADER_VALUE.fullmatch(value):
        return "The value holds characters that no header can carry."
    return ""


def _cards(table: ChannelTable, row: Provider) -> tuple[ModelCard, ...]:
    """The channel's own words on models before its provider's."""
    known: list[CardTable | Card] = [*table.cards, *row.cards]
    return tuple(ModelCard(name=card.name, context=card.context, max_output=card.max_output) for card in known)


def _limits(table: ChannelTable, row: Provider, account: Account) -> dict[str, int]:
    """The channel's own limits, else what is known of accounts of this kind."""
    source = TOKEN_SOURCES.get(row.token)
    simultaneous = table.limits.simultaneous or (source.at_once(account) if source else None)
    return {"simultaneous": simultaneous} if simultaneous else {}


def _timeouts(table: TimeoutsTable, row: Provider) -> Timeouts:
    usual = Timeouts(first_content_s=row.first_content_s)
    return Timeouts(
        connect_s=table.connect or usual.connect_s,
        first_content_s=table.first_content or usual.first_content_s,
        idle_s=table.idle or usual.idle_s,
    )
