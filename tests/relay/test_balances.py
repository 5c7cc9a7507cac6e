"""Balances are asked for by one replica, as often as they matter, and believed for as long as somebody asks."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from dragoman.assembly import DIALECTS
from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.net.call import Answer, Call
from dragoman.net.signed import Signed
from dragoman.providers.balance import UNKNOWN, Amount, Balance, balance_of
from dragoman.providers.catalog import catalog
from dragoman.relay.balances import TOPIC, Balances, heard
from dragoman.relay.outlet import Outlet
from dragoman.relay.relay import Relay
from dragoman.relay.standing import LONGEST_S, Standing, Told, standing_after
from dragoman.routing.snapshot import Channel, Snapshot, with_keys
from dragoman.shapes.secret import Secret
from dragoman.store.board.local import LocalBoard
from tests.net.test_signed import Said
from tests.relay.stage import ScriptedAnswer, Stage, channel
from tests.relay.test_relay import DONE, HELLO, OPENED, ask, good, hear
from tests.routing.house import step

GIGACHAT = next(dialect for dialect in DIALECTS if dialect.name == "gigachat")
PLENTY = b'{"is_available":true,"balance_infos":[{"currency":"USD","total_balance":"90"}]}'
LITTLE = PLENTY.replace(b"90", b"0.5")
NOTHING = PLENTY.replace(b"true", b"false")
DEEPSEEK = Channel(
    name="a", provider="deepseek", dialect="openai_chat", base_url="https://api.deepseek.com", api_key=Secret("sk-1")
)


class Vendor:
    """A network whose answers are given one after the other, the last for ever. Mutable: it notes the calls."""

    def __init__(self, *answers: bytes | int | Kind) -> None:
        self.answers = list(answers)
        self.calls: list[Call] = []

    async def send(self, call: Call) -> Answer:
        """The next answer."""
        self.calls.append(call)
        said = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(said, Kind):
            raise Trouble(problem(said, "It did not come."))
        return Said(said, b"{}") if isinstance(said, int) else Said(200, said)


class Clock:
    """A clock that goes when it is told to. Mutable."""

    def __init__(self) -> None:
        self.ms = 1_000_000

    def __call__(self) -> int:
        return self.ms


def relay_of(vendor: Vendor, *channels: Channel, every_s: float = 600.0) -> Relay:
    return Relay(
        transport=vendor,
        dialects={dialect.name: dialect for dialect in DIALECTS},
        providers=catalog(),
        snapshot=Snapshot(channels=channels or (DEEPSEEK,), balances_s=every_s, balances="last"),
        record=lambda _: None,
        user_agent="test",
    )


def looked(vendor: Vendor, minutes: int, *channels: Channel, every_s: float = 600.0) -> tuple[Relay, list[float]]:
    """A relay after so many minutes, and when it was asked, in minutes."""

    async def scene() -> tuple[Relay, list[float]]:
        relay, clock, asked = relay_of(vendor, *channels, every_s=every_s), Clock(), []
        keeper = Balances(LocalBoard(), relay, clock)
        for tick in range(minutes * 12 + 1):
            before = len(vendor.calls)
            await keeper.look()
            asked += [tick / 12] * (len(vendor.calls) - before)
            clock.ms += 5000
        return relay, asked

    return asyncio.run(scene())


def test_an_account_is_asked_about_with_its_own_key() -> None:
    vendor = Vendor(PLENTY)
    relay, asked = looked(vendor, 25)
    assert asked == [0, 10, 20]
    first = vendor.calls[0]
    assert (first.method, first.url) == ("GET", "https://api.deepseek.com/user/balance")
    assert first.headers["authorization"] == "Bearer sk-1"
    assert relay.learned.told.standings["a"].balance.state == "available"


def test_each_key_has_a_balance_of_its_own() -> None:
    vendor = Vendor(PLENTY)
    relay, _ = looked(vendor, 1, with_keys(DEEPSEEK, [Secret("sk-1"), Secret("sk-2")]))
    assert sorted(call.headers["authorization"] for call in vendor.calls) == ["Bearer sk-1", "Bearer sk-2"]
    assert set(relay.learned.told.standings) == {"a#1", "a#2"}


def test_the_anthropic_row_asks_by_bearer_at_the_vendors_host() -> None:
    vendor = Vendor(PLENTY)
    looked(
        vendor,
        0,
        replace(
            DEEPSEEK,
            provider="deepseek-anthropic",
            dialect="anthropic",
            base_url="https://api.deepseek.com/anthropic",
        ),
    )
    assert vendor.calls[0].url == "https://api.deepseek.com/user/balance"
    assert vendor.calls[0].headers["authorization"] == "Bearer sk-1"


def test_gigachat_is_asked_beside_its_chat_with_a_fetched_token() -> None:
    token = b'{"access_token":"t","expires_at":9999999999999}'
    giga = Channel(
        name="g", provider="gigachat", dialect="gigachat", base_url="https://api.giga.chat/v1", api_key=Secret("a2V5")
    )
    vendor = Vendor(token, b'{"balance":[{"usage":"GigaChat","value":5}]}')
    relay, _ = looked(vendor, 0, giga)
    assert vendor.calls[0].url == "https://api.giga.chat/v1/balance"
    assert vendor.calls[0].credential is not None
    assert "authorization" not in vendor.calls[0].headers
    assert relay.learned.told.standings


def test_little_is_asked_about_four_times_as_often() -> None:
    assert looked(Vendor(LITTLE), 10)[1] == [0, 2.5, 5, 7.5, 10]


def test_a_failure_is_followed_by_longer_and_longer_pauses() -> None:
    relay, asked = looked(Vendor(Kind.TIMEOUT), 145)
    assert asked == [0, 20, 60, 140]
    standing = relay.learned.told.standings["a"]
    assert (standing.problem, standing.balance) == ("timeout", UNKNOWN)


@pytest.mark.parametrize("status", [401, 404, 500])
def test_what_is_refused_is_told_by_its_kind(status: int) -> None:
    relay, _ = looked(Vendor(status), 0)
    assert relay.learned.told.standings["a"].problem
    assert not relay.learned.told.spared("refuse").spent


def test_nobody_is_asked_where_that_is_not_wished_or_there_is_no_api() -> None:
    for vendor, channels, every_s in (
        (Vendor(PLENTY), (DEEPSEEK,), 0.0),
        (Vendor(PLENTY), (replace(DEEPSEEK, enabled=False),), 60.0),
        (Vendor(PLENTY), (replace(DEEPSEEK, provider="openai"),), 60.0),
    ):
        looked(vendor, 30, *channels, every_s=every_s)
        assert not vendor.calls


def test_an_account_that_is_used_up_counts_and_comes_back() -> None:
    assert looked(Vendor(NOTHING), 0)[0].learned.told.spared("last").is_last("a")
    relay, _ = looked(Vendor(NOTHING, PLENTY), 3)
    assert not relay.learned.told.spared("last").is_last("a")


def test_one_replica_asks_and_the_others_are_told() -> None:
    class Wall(LocalBoard):
        """A board that keeps what is told. Mutable."""

        def __init__(self) -> None:
            super().__init__()
            self.said: list[tuple[str, bytes]] = []

        async def tell(self, topic: str, news: bytes) -> None:
            self.said.append((topic, news))

    async def scene() -> None:
        wall, first, second = Wall(), Vendor(NOTHING), Vendor(NOTHING)
        one, other, clock = relay_of(first), relay_of(second), Clock()
        await Balances(wall, one, clock).look()
        keeper = Balances(wall, other, clock)
        await keeper.look()
        assert (len(first.calls), len(second.calls)) == (1, 0)
        topic, said = wall.said[0]
        standings = heard(said)
        assert topic == TOPIC
        assert standings is not None
        assert b"sk-1" not in said
        other.learned.told.stand(standings, clock.ms)
        assert other.learned.told.spared("last").is_last("a")
        clock.ms += 3600_000  # nobody has told anything since
        await keeper.look()
        assert not other.learned.told.spared("last").spent

    asyncio.run(scene())


@given(st.binary(max_size=60))
def test_news_of_another_version_are_passed_over(said: bytes) -> None:
    found = heard(said)
    assert found is None or isinstance(found, Mapping)
    assert heard(msgspec.msgpack.encode({"a": {"later": 1}})) is None


@given(
    st.lists(
        st.sampled_from([UNKNOWN, balance_of(Amount(left=0, unit="USD")), Kind.TIMEOUT, Kind.NOT_FOUND]), max_size=8
    ),
    st.sampled_from([60.0, 600.0, 86400.0]),
)
def test_nobody_is_asked_too_often_or_never_again(found: list[Balance | Kind], every_s: float) -> None:
    standing: Standing | None = None
    now_ms = 1000
    for one in found:
        standing = standing_after(standing, one, every_s, now_ms)
        assert every_s / 4 <= (standing.due_ms - now_ms) / 1000 <= max(LONGEST_S, every_s)
        now_ms = standing.due_ms


def test_limits_that_answers_tell_are_remembered_by_model() -> None:
    told, headers = Told(), {"x-ratelimit-limit-requests": "100", "x-ratelimit-remaining-requests": "2"}
    told.hear(step("a", "m"), headers, 0, 0.0)
    assert told.spared("show").scarcity("a\x1fm", 59_999)
    assert not told.spared("show").scarcity("a\x1fm", 60_000)
    told.hear(step("a", "m"), {**headers, "x-ratelimit-remaining-requests": "60"}, 0, 0.0)
    assert not told.spared("show").scarce
    assert told.rooms["a\x1fm"][0].left == 60


def test_what_an_answer_tells_of_its_limit_sends_the_next_request_elsewhere() -> None:
    told = ScriptedAnswer(
        [OPENED, HELLO, DONE],
        content_type="text/event-stream",
        x_ratelimit_limit_tokens="1000",
        x_ratelimit_remaining_tokens="10",
    )
    stage = Stage({"one": [told, good()], "two": [good()]})
    often, seldom = channel("one", models=("asked",), weight=1e12), channel("two", models=("asked",), weight=1.0)
    stage.relay.snapshot = Snapshot(channels=(often, seldom))

    first, second = hear(stage), hear(stage, ask(messages=[{"role": "user", "content": "Another session"}]))

    assert (first.headers["x-dragoman-channel"], second.headers["x-dragoman-channel"]) == ("one", "two")
    plan = stage.exchanges[1].plan
    assert any("10 of 1000 tokens are left" in line for line in plan), plan


def test_an_account_that_is_used_up_is_not_asked_where_that_is_wished() -> None:
    stage = Stage({"one": [good()], "two": [good()]})
    channels = tuple(channel(name, models=("asked",), priority=rank) for rank, name in enumerate(("one", "two")))
    stage.relay.snapshot = Snapshot(channels=channels, balances="refuse")
    spent = Standing(balance=balance_of(Amount(left=0, unit="USD")), asked_ms=0, due_ms=1000)
    stage.relay.learned.told.stand({"one": spent}, 0)

    heard_first = hear(stage)
    stage.relay.learned.told.stand({"one": spent, "two": spent}, 0)
    heard_then = hear(stage)

    assert heard_first.headers["x-dragoman-channel"] == "two"
    assert any("one: its account is used up: 0 USD" in line for line in stage.exchanges[0].plan)
    assert (heard_then.status, "used up" in heard_then.text) == (502, True)


def test_each_key_of_a_channel_has_a_token_of_its_own() -> None:
    """GigaChat's tokens belong to a key: one key's must not be sent where another's turn it is."""
    giga = Channel(name="g", provider="gigachat", dialect="gigachat", base_url="https://api.giga.chat/v1")
    channels = with_keys(giga, [Secret("a2V5LTE6"), Secret("a2V5LTI6")]).accounts
    outlets = [Outlet(one, catalog()["gigachat"], GIGACHAT, "test") for one in channels]
    office = Vendor(b'{"access_token":"one","expires_at":9999999999999}', b"{}", b'{"access_token":"two"}', b"{}")

    async def scene() -> None:
        signed = Signed(office)
        for outlet in outlets:
            await signed.send(outlet.call("https://api.giga.chat/v1/models", {}, method="GET"))

    asyncio.run(scene())
    assert [call.headers["authorization"] for call in office.calls[1::2]] == ["Bearer one", "Bearer two"]
