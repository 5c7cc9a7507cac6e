"""What follows from one snapshot alone, found once: what a channel's calls have in common, and who answers a name."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import lru_cache
from typing import NamedTuple

from dragoman.canon.operations import NOWHERE, HeaderOperation, is_fixed, needs_body, operate_headers
from dragoman.canon.templates import Occasion
from dragoman.dialects.base import Dialect
from dragoman.net.call import Call, Tls
from dragoman.net.within import Reach
from dragoman.providers.addresses import endpoint
from dragoman.providers.base import Provider
from dragoman.providers.catalog import TOKEN_SOURCES
from dragoman.providers.credentials import auth_headers, forwarded_headers, session_mark
from dragoman.providers.oauth import is_asked, source_of
from dragoman.providers.options import with_members
from dragoman.providers.tokens import Account, Credential, mark_of
from dragoman.routing.match import Resolved, chosen, noted, resolve, resolve_chosen
from dragoman.routing.plan import Ask, Refused
from dragoman.routing.reach import DEFAULT_PROFILE
from dragoman.routing.snapshot import Channel, Snapshot
from dragoman.routing.strategy import MEASURED
from dragoman.shapes.fields import Strategy
from dragoman.shapes.secret import Secret

NO_SECRET = Secret("")
NAMES = 1000
"""Names of models that are remembered at most: clients choose them."""


class Sent(NamedTuple):
    """The headers of a call."""

    headers: Mapping[str, str]
    done: tuple[HeaderOperation, ...]
    """The channel's changes that made them so."""

    @property
    def words(self) -> tuple[str, ...]:
        """What was changed, for the exchange: never a value, which may be a secret."""
        return tuple(
            f"{one.op} header {one.name}{f' to {one.to}' if one.op in ('rename', 'copy') else ''}" for one in self.done
        )


class Outlet:
    """A channel with all that its calls have in common. Remembers addresses, else frozen after construction."""

    def __init__(self, channel: Channel, provider: Provider, dialect: Dialect, user_agent: str) -> None:
        self.channel = channel
        self.provider = with_members(provider, channel.options)
        self.dialect = dialect
        self.tls = tls_of(channel)
        self.reach = reach_of(channel)
        self.credential = credential_of(channel, provider)
        """How its calls get their token, where that must be fetched."""
        self.url = lru_cache(maxsize=NAMES)(self._url)
        """Where a model is asked, and whether for a stream."""
        self._first = {
            "content-type": "application/json",
            "accept-encoding": "identity",
            "user-agent": user_agent,
        }
        self._last = {
            **auth_headers(provider, channel.api_key.reveal()),
            **{name.lower(): value for name, value in channel.headers.items()},
        }
        self._usual = {stream: self._sent({}, NOWHERE, stream=stream) for stream in (True, False)}
        self._differs = bool(self.provider.forwards or channel.client_headers) or not all(map(is_fixed, channel.header))
        self.looks_at_body = any(map(needs_body, channel.header))
        """Whether the headers of a call follow from its body, too."""

    def headers(
        self, client: Mapping[str, str], session: str, *, stream: bool, occasion: Occasion = NOWHERE
    ) -> Mapping[str, str]:
        """The headers of a call: the row's, the client's that may pass, the session's, the key, the channel's own."""
        return self.sent(client, session, stream=stream, occasion=occasion).headers

    def sent(self, client: Mapping[str, str], session: str, *, stream: bool, occasion: Occasion = NOWHERE) -> Sent:
        """`headers`, and what the channel has changed of them."""
        sent = self._sent(client, occasion, stream=stream) if self._differs else self._usual[stream]
        if not self.provider.session_header or not session:
            return sent
        return Sent({self.provider.session_header: session_mark(session), **sent.headers}, sent.done)

    def call(self, url: str, headers: Mapping[str, str], body: bytes = b"", *, method: str = "POST") -> Call:
        """A call of this channel's, by its own way."""
        channel = self.channel
        return Call(
            method=method,
            url=url,
            headers=headers,
            body=body,
            connect_s=channel.timeouts.connect_s,
            proxy=channel.proxy,
            named_proxy=channel.named_proxy,
            keepalive=channel.keepalive,
            tls=self.tls,
            credential=self.credential,
            upstream=channel.name,
            reach=self.reach,
        )

    def _sent(self, client: Mapping[str, str], occasion: Occasion, *, stream: bool) -> Sent:
        accept = "text/event-stream" if stream else "application/json"
        named = {name: client[name] for name in self.channel.client_headers if name in client}
        headers = {**self._first, "accept": accept, **forwarded_headers(self.provider, client), **named, **self._last}
        done = operate_headers(headers, self.channel.header, occasion)
        return Sent(headers, done)

    def _url(self, model: str, stream: bool) -> str:
        path = (stream and self.dialect.stream_path) or self.dialect.path
        return endpoint(self.provider, self.channel.base_url, path, model, self.channel.options)


def credential_of(channel: Channel, provider: Provider) -> Credential | None:
    """How a channel's calls get their token; None where its key itself is sent."""
    source = TOKEN_SOURCES.get(provider.token)
    if provider.oauth and is_asked(channel.options):
        source = source_of(provider.oauth)
    secrets = {name: secret.reveal() for name, secret in channel.secret_options.items()}
    account = Account(channel.api_key.reveal(), channel.base_url, {**channel.options, **secrets})
    return Credential(source, account, mark_of(account)) if source else None


def reach_of(channel: Channel) -> Reach:
    """How far a channel's calls may reach. What stands in the file or the environment is the operator's own word."""
    if channel.source != "database":
        return "anywhere"
    return "private" if channel.private else "public"


def tls_of(channel: Channel) -> Tls:
    """Whom a channel trusts and what it presents."""
    options = channel.options
    return Tls(
        ca_bundle=channel.ca_bundle or options.get("ca_bundle", ""),
        certificate=options.get("certificate", ""),
        key=options.get("key", ""),
        key_password=channel.secret_options.get("key_password", NO_SECRET).reveal(),
        verify=options.get("verify", "true") != "false",
    )


class Wiring:
    """The outlets of one snapshot, and its names resolved. Remembers what was asked, else frozen after construction."""

    def __init__(
        self,
        snapshot: Snapshot,
        dialects: Mapping[str, Dialect],
        providers: Mapping[str, Provider],
        user_agent: str,
    ) -> None:
        self.snapshot = snapshot
        self.measures = MEASURED.intersection(_strategies(snapshot))
        """Strategies in use that compare loads."""
        self._conditional = {profile.name for profile in snapshot.profiles if any(rule.when for rule in profile.rules)}
        self._resolved = lru_cache(maxsize=NAMES)(self._resolve)
        self._resolved_by = lru_cache(maxsize=NAMES)(self._resolve_by)
        self._dialects = dialects
        self._providers = providers
        self._user_agent = user_agent
        self._outlets: dict[str, Outlet] = {}

    def resolve(self, ask: Ask) -> Resolved | Refused:
        """`routing.match.resolve` for this snapshot."""
        if (ask.profile or DEFAULT_PROFILE) not in self._conditional:
            return self._resolved(ask.profile, ask.project, ask.asked)
        choice = chosen(self.snapshot, ask)
        return noted(self._resolved_by(ask.profile, ask.project, ask.asked, choice.place), choice)

    def _resolve(self, profile: str | None, project: str, asked: str) -> Resolved | Refused:
        return resolve(self.snapshot, Ask(door="", asked=asked, profile=profile, project=project))

    def _resolve_by(self, profile: str | None, project: str, asked: str, place: int | None) -> Resolved | Refused:
        return resolve_chosen(self.snapshot, Ask(door="", asked=asked, profile=profile, project=project), place)

    def outlet(self, channel: Channel) -> Outlet:
        """The outlet of a channel; a request that set out with an earlier snapshot may still ask with its own."""
        found = self._outlets.get(channel.account)
        if found is None or found.channel is not channel:
            provider, dialect = self._providers[channel.provider], self._dialects[channel.dialect]
            found = self._outlets[channel.account] = Outlet(channel, provider, dialect, self._user_agent)
        return found

    def bare_seals(self, channel: Channel, door: Dialect) -> bool:
        """Whether this channel is the door's own vendor, and the only one that can have issued an unmarked seal."""
        if not channel.native or channel.dialect != door.name:
            return False
        natives = [other for other in self.snapshot.channels if other.native and other.dialect == door.name]
        return len(natives) == 1


def _strategies(snapshot: Snapshot) -> Iterator[Strategy]:
    yield snapshot.strategy
    for profile in snapshot.profiles:
        for strategy in (profile.strategy, *(rule.strategy for rule in profile.rules)):
            if strategy is not None:
                yield strategy
