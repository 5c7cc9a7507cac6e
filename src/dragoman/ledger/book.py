"""The price book: own rows first, then a list of published prices, then a dear guess.

Rules. Own rows (`ledger.own`) win: one for the channel before one for its provider before one for any, and among
equals the longer name; the first that is a factor changes what the rows after it, or the published list, say. That list
is `prices.json`, made by `scripts/prices` from genai-prices (MIT); it is read only when the first price is asked for,
and of it only the providers that are needed. A model that its provider's list does not know is charged as its maker
does, which is flagged; one that nobody knows is charged dearly, which is flagged too.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime
from importlib.resources import files
from typing import TypeAlias

import msgspec
from msgspec import Raw, Struct
from msgspec.structs import replace

from dragoman.ledger.exchange import AttemptRecord, Exchange
from dragoman.ledger.own import OwnRow, precedence, scaled
from dragoman.ledger.price import DEAR, Doubt, Price, Rates, Tier, cost

OWN_MACHINE = "own-machine"
"""In place of a published list: the user's own hardware, where tokens cost nothing."""
FREE = Price(id=OWN_MACHINE, rates=Rates(input=0, output=0))
KNOWN = 1000
"""Models whose prices are kept at hand at most."""
LONGEST = 300
"""Characters of a name that can have a published price: names come from clients, and are kept here."""

Clause: TypeAlias = Mapping[str, object]
"""How a model's name is recognised: one of `equals`, `starts_with`, `ends_with`, `contains` and `regex`, each with a
text, or `or` or `and` with a list of clauses."""


class _Dated(Struct, frozen=True, kw_only=True):
    """A published price, and when it holds. The last that holds counts; the first where none does."""

    since: date | None = None
    from_minute: int | None = None
    """Minutes of the day, UTC; it may go over midnight."""
    until_minute: int | None = None
    rates: Rates
    tiers: tuple[Tier, ...] = ()

    def holds(self, at: datetime) -> bool:
        """Whether it held at a moment."""
        if self.since is not None and at.date() < self.since:
            return False
        if self.from_minute is None or self.until_minute is None:
            return True
        minute = at.hour * 60 + at.minute
        if self.until_minute < self.from_minute:
            return minute >= self.from_minute or minute < self.until_minute
        return self.from_minute <= minute < self.until_minute


class Fact(Struct, frozen=True):
    """What is published of a model beside its prices. It is for people to read: windows are often rounded or old."""

    maker: str = ""
    """Name of its maker's list."""
    name: str = ""
    context: int | None = None


class _Model(Struct, frozen=True):
    id: str
    match: Clause
    prices: tuple[_Dated, ...]
    name: str = ""
    context: int | None = None

    def price(self, version: str, at: datetime) -> Price:
        holding = [n for n, dated in enumerate(self.prices) if dated.holds(at)]
        number = holding[-1] if holding else 0
        dated = self.prices[number]
        return Price(id=f"{version}:{self.id}#{number}", rates=dated.rates, tiers=dated.tiers)


class _List(Struct, frozen=True):
    models: tuple[_Model, ...]
    lends: tuple[str, ...] = ()
    """Lists whose models this provider serves too, at their prices."""


class Published(Struct, frozen=True):
    """The published prices, each provider's still unread."""

    version: str
    makers: tuple[str, ...]
    """Lists of those who make models, asked where a provider has none of its own."""
    lists: Mapping[str, Raw]


def published() -> Published:
    """The prices that come with the package."""
    return msgspec.json.decode((files(__package__) / "prices.json").read_bytes(), type=Published)


class PriceBook:
    """All prices. Mutable: it keeps what it has looked up."""

    def __init__(self, own: Iterable[OwnRow] = (), *, lists: Mapping[str, str], book: Published | None = None) -> None:
        """`lists` names the published list of each provider's row; empty where it has none."""
        self._own = sorted(own, key=precedence)
        self._list_of = lists
        self._book = book
        self._read: dict[str, _List] = {}
        self._facts: dict[tuple[str, str], Fact] = {}
        self._known: dict[tuple[str, str], tuple[_Model | None, str, Doubt]] = {}

    def find(self, channel: str, provider: str, model: str, at_ms: int) -> tuple[Price, Doubt]:
        """The price of a model on a channel at a moment, and what is doubtful about it."""
        at = datetime.fromtimestamp(at_ms / 1000, UTC)
        scaling: OwnRow | None = None
        for row in self._own:
            if row.says.applies(channel, provider, model, at.date()):
                if row.says.factor is None:
                    return _scaled(row.says.price(row.version, at), scaling), ""
                scaling = scaling or row
        price, doubt = self._published(provider, model, at)
        return _scaled(price, scaling), doubt

    def _published(self, provider: str, model: str, at: datetime) -> tuple[Price, Doubt]:
        name = self._list_of.get(provider, "")
        if name == OWN_MACHINE:
            return FREE, ""
        found, version, doubt = self._listed(name, model)
        return (found.price(version, at), doubt) if found else (DEAR, "no_price")

    def fact(self, provider: str, model: str) -> Fact:
        """What is published of a model, by its provider's list or else by its maker's."""
        key = (self._list_of.get(provider, ""), model)
        if len(model) > LONGEST:
            return Fact()
        fact = self._facts.get(key)
        if fact is None:
            found, _, _ = self._listed(*key)
            if len(self._facts) >= KNOWN:
                self._facts.clear()
            maker = self._maker(model.rpartition("/")[2])
            fact = self._facts[key] = Fact(maker, found.name, found.context) if found else Fact(maker)
        return fact

    def _maker(self, bare: str) -> str:
        makers = (self._book or published()).makers
        return next((maker for maker in makers if _matching(self._list(maker).models, bare)), "")

    def priced(self, exchange: Exchange) -> Exchange:
        """The exchange with the bill of each attempt."""
        return replace(exchange, attempts=tuple(self.billed(attempt) for attempt in exchange.attempts))

    def billed(self, attempt: AttemptRecord) -> AttemptRecord:
        """The attempt with its bill."""
        price, doubt = self.find(attempt.channel, attempt.provider, attempt.model, attempt.started_ms)
        answered = attempt.problem is None and attempt.status is not None
        return replace(attempt, cost=cost(attempt.usage, price, doubt, answered=answered))

    def _listed(self, name: str, model: str) -> tuple[_Model | None, str, Doubt]:
        key = (name, model)
        if len(model) > LONGEST:
            return None, "", "no_price"
        found = self._known.get(key)
        if found is None:
            found = self._look_up(name, model)
            if len(self._known) >= KNOWN:
                self._known.clear()
            self._known[key] = found
        return found

    def _look_up(self, name: str, model: str) -> tuple[_Model | None, str, Doubt]:
        book = self._book = self._book or published()
        bare = model.rpartition("/")[2]
        for spelled in dict.fromkeys((model, bare)):
            for listed in (name, *self._list(name).lends):
                if found := _matching(self._list(listed).models, spelled):
                    return found, f"{book.version}:{listed}", ""
        for maker in book.makers:
            if found := _matching(self._list(maker).models, bare):
                return found, f"{book.version}:{maker}", "list_price"
        return None, "", "no_price"

    def _list(self, name: str) -> _List:
        if name not in self._read:
            raw = self._book.lists.get(name) if self._book else None
            self._read[name] = msgspec.json.decode(raw, type=_List) if raw else _List(())
        return self._read[name]


def _scaled(price: Price, row: OwnRow | None) -> Price:
    """The price with the factor of a row, if there is one."""
    if row is None or row.says.factor is None:
        return price
    return scaled(price, row.says.factor, f"{price.id}*{row.version}")


DAY_WITHOUT_DASHES = re.compile(r"-(20\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=-|:|$)")
"""Some gateways name a model's day so, as `gpt-5.2-20251211` for `gpt-5.2-2025-12-11`."""


def _matching(models: Sequence[_Model], name: str) -> _Model | None:
    """The first model that goes by this name, letter case aside."""
    lower = name.lower()
    for spelled in dict.fromkeys((lower, DAY_WITHOUT_DASHES.sub(r"-\1-\2-\3", lower))):
        if found := next((model for model in models if _matches(model.match, spelled)), None):
            return found
    return None


def _matches(clause: Clause, name: str) -> bool:
    """Whether a name, in small letters, is meant by a clause."""
    ((how, what),) = clause.items()
    match how, what:
        case "equals", str():
            return name == what
        case "starts_with", str():
            return name.startswith(what)
        case "ends_with", str():
            return name.endswith(what)
        case "contains", str():
            return what in name
        case "regex", str():
            return re.search(what, name) is not None
        case "or", list():
            return any(_matches(each, name) for each in what)
        case "and", list():
            return all(_matches(each, name) for each in what)
    return False
