"""Channels made from their tables: provider rows merged in, secrets fetched, references checked."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Literal
from urllib.parse import urlsplit

from msgspec import Struct
from msgspec.structs import replace

from dragoman.canon.patterns import unsound
from dragoman.providers.base import SECRET_OPTIONS, Card, MemberType, Provider
from dragoman.providers.catalog import TOKEN_SOURCES
from dragoman.providers.oauth import fault_of, is_asked
from dragoman.providers.options import read_member
from dragoman.providers.tokens import Account
from dragoman.routing.cards import ModelCard
from dragoman.routing.snapshot import Channel, Overrides, RestRule, RetryRule, Sync, Timeouts, with_keys
from dragoman.settings.changes import ChangeBook
from dragoman.settings.record import Notice
from dragoman.settings.sources import Secrets
from dragoman.settings.way import Finder
from dragoman.shapes.budget import BudgetTable, faults_of_budgets
from dragoman.shapes.channel import CardTable, ChannelTable, SyncTable, TimeoutsTable
from dragoman.shapes.hints import near
from dragoman.shapes.secret import Secret

PATH_OPTIONS = frozenset({"ca_bundle", "certificate", "key"})
"""Options of channels that are paths, and therefore resolve against the file."""

Origin = Literal["file", "environment", "database"]


class Workshop(Struct, frozen=True):
    """What channels are made with, and where the findings go."""

    rows: Mapping[str, Provider]
    secrets: Secrets
    faults: list[Notice]
    notices: list[Notice]
    proxies: Mapping[str, Secret] = {}
    """Those that channels may name."""
    known_overrides: Mapping[str, Overrides] = {}
    """Those that channels may name."""

    def fault(self, where: str, what: str, remedy: str) -> None:
        """Remembers that the configuration cannot be used."""
        self.faults.append(Notice(where, what, remedy))

    def channel(self, table: ChannelTable, where: str, source: Origin) -> Channel | None:
        """The channel with what its provider's row adds; None if its provider is not known."""
        keys = self._keys(table, where)
        row = self.rows.get(table.provider)
        if row is None:
            self.fault(
                f"{where}.provider", f"There is no provider '{table.provider}'.", near(table.provider, self.rows)
            )
            return None
        reached = replace(self._reached(table, row, keys[0], where), source=source)
        return with_keys(self._changed(self._served(reached, table, row, where), table, where), keys)

    def _reached(self, table: ChannelTable, row: Provider, key: Secret, where: str) -> Channel:
        """The channel as far as it is where it is and how it is reached."""
        base_url, options = self._base_url(table, row, where), self._options(table, row, f"{where}.options")
        secret_options = self._secret_options(table, f"{where}.options")
        if found := fault_of(row.oauth, options, secret_options, key.reveal()) if row.oauth else "":
            self.fault(f"{where}.options", found, f"See `dragoman providers {row.id}`.")
        if not (key or row.key_optional or row.auth == "none" or is_asked(options)):
            remedy = 'Add api_key = "env:NAME" with the name of the variable that holds it.'
            self.notices.append(Notice(where, f"{row.name} is called without a key, which it will refuse.", remedy))
        way = self._ways.way(table.proxy, f"{where}.proxy")
        return Channel(
            name=table.name,
            enabled=table.enabled,
            provider=row.id,
            dialect=row.apis.get(options.get("api", ""), row.dialect),
            base_url=base_url,
            api_key=key,
            private=table.private,
            timeouts=_timeouts(table.timeouts, row),
            proxy=way.proxy,
            named_proxy=way.named,
            ca_bundle=self._ways.bundle(table.ca_bundle, f"{where}.ca_bundle"),
            keepalive=table.keepalive,
            options=options,
            secret_options=secret_options,
            native=row.native,
            habits=row.habits,
        )

    def _served(self, reached: Channel, table: ChannelTable, row: Provider, where: str) -> Channel:
        """The same with what it serves, and how much."""
        return replace(
            reached,
            models=table.models,
            sync=self._sync(table.sync, f"{where}.sync"),
            aliases=table.aliases,
            prefix=table.prefix or "",
            tags=frozenset(table.tags),
            cards=_cards(table.cards),
            documented=_cards(row.cards),
            trim=table.trim,
            any_case=table.any_case,
            listed=table.listed,
            priority=table.priority,
            weight=table.weight,
            max_output=table.max_output,
            limits=_limits(table, row, Account(reached.api_key.reveal(), reached.base_url, reached.options)),
            budgets=self._budgets(table, f"{where}.budgets"),
            retry=tuple(self._retries(table, f"{where}.retry")),
            rests=tuple(
                RestRule(status=rest.status, times=rest.times, for_s=rest.minutes * 60) for rest in table.rests
            ),
            test_model=table.test_model or "",
        )

    def _changed(self, served: Channel, table: ChannelTable, where: str) -> Channel:
        """The same with what is changed of requests on their way there."""
        headers, filled = self.changes.headers(table.headers, f"{where}.headers")
        sets = self._sets(table.overrides, f"{where}.overrides")
        return replace(
            served,
            headers=headers,
            body=(*(change for each in sets for change in each.body), *self.changes.body(table.body, f"{where}.body")),
            header=(
                *filled,
                *(change for each in sets for change in each.header),
                *self.changes.header(table.header, f"{where}.header"),
            ),
            stream=table.stream,
            client_headers=self.changes.client_headers(table.client_headers, f"{where}.client_headers"),
        )

    @property
    def changes(self) -> ChangeBook:
        """What changes are made with."""
        return ChangeBook(self.secrets, {row.dialect for row in self.rows.values()}, self.faults)

    def _sets(self, names: Iterable[str], where: str) -> list[Overrides]:
        """The sets of changes that a channel names."""
        for name in names:
            if name not in self.known_overrides:
                remedy = near(name, self.known_overrides)
                self.fault(where, f"There is no set of changes '{name}' among the overrides.", remedy)
        return [self.known_overrides[name] for name in names if name in self.known_overrides]

    def _retries(self, table: ChannelTable, where: str) -> Iterator[RetryRule]:
        for place, rule in enumerate(table.retry, 1):
            words = tuple(filter(None, (rule.text or "").lower().split("*")))
            if rule.status is None and not words:
                self.fault(f"{where}[{place}]", "It means every failure.", "Add a 'status', a 'text', or both.")
            yield RetryRule(status=rule.status, words=words)

    def _sync(self, table: SyncTable | None, where: str) -> Sync | None:
        if table is None:
            return None
        if wrong := unsound(table.pattern):
            self.fault(f"{where}.pattern", f"'{table.pattern[:80]}' {wrong}.", "Correct it, or leave it out.")
        return Sync(table.pattern, table.hours * 3600)

    def _keys(self, table: ChannelTable, where: str) -> list[Secret]:
        """The channel's keys; an empty one where it has none."""
        if table.api_key and table.api_keys:
            self.fault(where, "The channel has both 'api_key' and 'api_keys'.", "Keep one of them.")
        if not table.api_keys:
            return [self.secrets.resolve(table.api_key, f"{where}.api_key", self.faults)]
        return [
            self.secrets.resolve(text, f"{where}.api_keys[{place}]", self.faults)
            for place, text in enumerate(table.api_keys, 1)
        ]

    def _budgets(self, table: ChannelTable, where: str) -> tuple[BudgetTable, ...]:
        for found in faults_of_budgets(table.budgets):
            self.fault(where, found, "Correct it, or leave it out.")
        return table.budgets

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

    @property
    def _ways(self) -> Finder:
        return Finder(self.proxies, self.secrets, self.faults)

    def _options(self, table: ChannelTable, row: Provider, where: str) -> dict[str, str]:
        options: dict[str, str] = {}
        for name, value in table.options.items():
            if name not in row.options:
                self.fault(f"{where}.{name}", f"{row.name} has no such option.", near(name, row.options))
            if name in SECRET_OPTIONS:
                continue
            text = str(value).lower() if isinstance(value, bool) else str(value)
            if name == "ca_bundle" and not self.secrets.refers:
                text = self._ways.bundle(text, f"{where}.{name}")
            elif name in PATH_OPTIONS:
                text = self._ways.file(text, f"{where}.{name}")
            kind = row.body_options.get(name) or row.habit_options.get(name)
            if kind:
                self._check_member(kind, text, f"{where}.{name}")
            if name.endswith("_url") and (wrong := address_fault(text)):
                self.fault(f"{where}.{name}", wrong, "Write it as https://host/path.")
            options[name] = text
        if options.get("api") and options["api"] not in row.apis:
            self.fault(f"{where}.api", f"{row.name} has no API '{options['api']}'.", near(options["api"], row.apis))
        for name in row.needed:
            if not table.base_url and not options.get(name):
                self.fault(where, f"{row.name} needs the option '{name}'.", row.options[name])
        return options

    def _secret_options(self, table: ChannelTable, where: str) -> dict[str, Secret]:
        return {
            name: self.secrets.resolve(str(value), f"{where}.{name}", self.faults)
            for name, value in table.options.items()
            if name in SECRET_OPTIONS
        }

    def _check_member(self, kind: MemberType, text: str, where: str) -> None:
        try:
            read_member(kind, text)
        except ValueError as found:
            self.fault(where, str(found), "Correct it, or leave it out.")


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


def _cards(known: Iterable[CardTable | Card]) -> tuple[ModelCard, ...]:
    """Limits of models as routing knows them."""
    return tuple(
        ModelCard(name=card.name, type=card.type, context=card.context, max_output=card.max_output) for card in known
    )


def _limits(table: ChannelTable, row: Provider, account: Account) -> dict[str, int]:
    """The channel's own limits, else what is known of accounts of this kind."""
    source = TOKEN_SOURCES.get(row.token)
    given = table.limits
    limits = {
        "simultaneous": given.simultaneous or (source.at_once(account) if source else None),
        "rpm": given.rpm,
        "tpm": given.tpm,
        "queue": given.queue,
        "queue_ms": int(given.queue_s * 1000) if given.queue_s else None,
    }
    return {name: limit for name, limit in limits.items() if limit}


def _timeouts(table: TimeoutsTable, row: Provider) -> Timeouts:
    usual = Timeouts(first_content_s=row.first_content_s)
    return Timeouts(
        connect_s=table.connect or usual.connect_s,
        first_content_s=table.first_content or usual.first_content_s,
        idle_s=table.idle or usual.idle_s,
    )
