"""How a channel of the database is reached: authorities, proxies, addresses that change, balances, and its tests."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace

from dragoman.providers.balance import Amount, balance_of
from dragoman.providers.catalog import catalog
from dragoman.providers.headroom import NAMES
from dragoman.relay.standing import Standing
from dragoman.routing.plan import Step
from dragoman.settings.leading import MILD, moved
from dragoman.shapes.channel import ChannelTable
from dragoman.store.ports import SYSTEM, NewToken, User
from dragoman.store.ports.trials import KEPT, Tried
from tests.admin.stage import House, Visitor, house
from tests.admin.test_channels import in_force, with_channel
from tests.faults.test_reach import CERTIFICATES, behind_tls
from tests.net.proxy import proxy
from tests.standin import StandIn

AUTHORITY = (CERTIFICATES / "authority.pem").read_text()
CHANNELS, SETTINGS = "/api/v1/channels", "/api/v1/settings"
CHANNEL: dict[str, Any] = {
    "name": "a",
    "provider": "openai-compatible",
    "base_url": "https://one.example/v1",
    "api_key": "sk-secret-1234567",
    "headers": {"x-team": "headers-secret-9"},
}
ROWS = {
    "openai_chat": ("openai-compatible", "/v1"),
    "anthropic": ("anthropic-compatible", ""),
    "openai_responses": ("responses-compatible", "/v1"),
    "gemini": ("gemini-compatible", ""),
    "gigachat": ("gigachat", "/api/v1"),
}


@asynccontextmanager
async def staffed(folder: Path) -> AsyncIterator[tuple[House, Visitor, Visitor]]:
    """A gateway with an admin and an operator."""
    async with house(folder) as place:
        admin = await place.admin()
        blank = User(id="", login="op", role="operator", state="enabled", revision=0, created_ms=0, updated_ms=0)
        user = await place.store.people.add(SYSTEM, blank)
        text, _ = await place.store.people.add_token(SYSTEM, user.id, NewToken(name="script"))
        yield place, admin, place.visitor(text)


@pytest.mark.parametrize("by_proxy", [False, True], ids=["direct", "by proxy"])
@pytest.mark.parametrize("dialect", ROWS)
def test_an_authoritys_text_opens_the_way_in_every_dialect(tmp_path: Path, dialect: str, by_proxy: bool) -> None:
    provider, path = ROWS[dialect]
    key = "YTpi" if dialect == "gigachat" else "sk-right"
    options: dict[str, object] = {}

    async def scene(url: str) -> None:
        async with house(tmp_path) as place, proxy() as between:
            if dialect == "gigachat":
                options["auth_url"] = f"{url}/api/v2/oauth"
            spec = {
                "name": "a",
                "provider": provider,
                "base_url": url + path,
                "private": True,
                "api_key": key,
                "models": ["vendor-small"],
                "options": options,
                "proxy": f"http://{between.host}" if by_proxy else "none",
            }
            admin = await place.admin()
            for name, more in (("a", {}), ("b", {"ca_bundle": AUTHORITY})):
                told = await admin.ask("POST", CHANNELS, {"spec": {**spec, "name": name, **more}})
                assert told.status == 201, told.body
            await in_force(place)
            trial = {"tests": ["text", "stream"]}
            plain = (await admin.ask("POST", f"{CHANNELS}/a/test", trial)).json
            trusting = (await admin.ask("POST", f"{CHANNELS}/b/test", trial)).json
            assert {one["problem"] for one in plain} == {"tls"}
            assert "ca_bundle" in plain[0]["suggestion"]
            assert not [one["problem"] for one in trusting if not one["ok"]], [
                one.path for one in upstream.side_requests
            ]
            assert bool(between.connections) is by_proxy

    with (
        StandIn(dialects=(dialect,), api_key=key, models=("vendor-small",)) as upstream,
        behind_tls("good", upstream.url) as url,
    ):
        asyncio.run(scene(url))


@pytest.mark.parametrize(
    ("members", "words"),
    [
        ({"ca_bundle": "/etc/ssl/cert.pem"}, "A path leads nowhere here"),
        ({"ca_bundle": "file:/etc/passwd"}, "A path leads nowhere here"),
        ({"ca_bundle": "-----BEGIN CERTIFICATE-----\nnonsense\n-----END CERTIFICATE-----"}, "no certificate"),
        ({"ca_bundle": "-----BEGIN é"}, "no certificate"),
        ({"ca_bundle": "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----"}, "private key"),
        ({"ca_bundle": AUTHORITY + "-----BEGIN RSA PRIVATE KEY-----\n"}, "private key"),
        ({"ca_bundle": 5}, "ca_bundle"),
        ({"proxy": "office"}, "There is no proxy 'office'"),
        ({"proxy": "socks5://127.0.0.1:1"}, "Only HTTP proxies"),
        ({"proxy": "http://a b"}, "Only HTTP proxies"),
        ({"proxy": "http://h:99999"}, "Only HTTP proxies"),
        ({"proxy": "env:HTTPS_PROXY"}, "no proxy"),
        ({"proxy": ""}, "proxy"),
        ({"keepalive": "no"}, "keepalive"),
        (
            {"provider": "gigachat", "options": {"ca_bundle": "/etc/ssl/cert.pem"}},
            "A path leads nowhere here",
        ),
        ({"provider": "gigachat", "options": {"certificate": "/etc/ssl/private/key.pem"}}, "within its data folder"),
        ({"provider": "gigachat", "options": {"key": "../../etc/key.pem"}}, "within its data folder"),
        (
            {"options": {"client_id": "c", "client_secret": "s", "token_url": "https://10.0.0.1/t"}, "api_key": ""},
            "private",
        ),
        (
            {"options": {"client_id": "c", "client_secret": "s", "token_url": "http://i.example/t"}, "api_key": ""},
            "https",
        ),
        ({"api_key": "env:OPENAI_API_KEY"}, "Give the secret itself"),
        ({"api_key": "$OPENAI_API_KEY"}, "Give the secret itself"),
        ({"api_key": "", "api_keys": ["sk-1", "file:/etc/key"]}, "Give the secret itself"),
        ({"api_key": "", "api_keys": ["sk-1", ""]}, "Is a variable not set?"),
        ({"api_key": " "}, "Is a variable not set?"),
        ({"api_key": "sk-\0"}, "characters that no secret has"),
        (
            {
                "options": {"client_id": "c", "client_secret": "env:S", "token_url": "https://i.example"},
                "api_key": "",
            },
            "`options.client_secret` refers to 'env:S'",
        ),
    ],
)
def test_a_way_that_leads_astray_is_refused_when_it_is_saved(
    tmp_path: Path, members: dict[str, Any], words: str
) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            told = await admin.ask("POST", CHANNELS, {"spec": {**CHANNEL, **members}})
            assert told.status == 422, told.body
            assert words in told.json["detail"]

    asyncio.run(scene())


def test_a_named_proxy_is_an_admins_and_its_address_is_sealed(tmp_path: Path) -> None:
    async def scene() -> None:
        async with staffed(tmp_path) as (place, admin, operator), proxy() as between:
            value = {"office": f"http://user:pass-word-1@{between.host}"}
            refused = await operator.ask("PUT", f"{SETTINGS}/proxies", {"value": value})
            assert refused.status == 403
            set_up = await admin.ask("PUT", f"{SETTINGS}/proxies", {"value": value})
            assert (set_up.status, set_up.json["value"]["office"][:7]) == (200, "sealed:")
            await in_force(place)
            assert b"pass-word" not in (await admin.ask("GET", SETTINGS)).body
            spec = {**CHANNEL, "proxy": "office"}
            made = await operator.ask("POST", CHANNELS, {"spec": spec})
            assert (made.status, made.json["spec"]["proxy"]) == (201, "office"), "the name of a proxy is no secret"
            await in_force(place)
            channel = place.gateway.live.snapshot.channels[0]
            assert (channel.proxy, channel.named_proxy) == (value["office"], True)
            assert "pass-word" not in repr(place.gateway.live.snapshot.proxies)
            # What stands there is kept by its mark while another is added, and stays while a channel names it.
            both = {"value": {**set_up.json["value"], "lab": "http://127.0.0.1:1"}, "revision": 1}
            assert (await admin.ask("PUT", f"{SETTINGS}/proxies", both)).status == 200
            await in_force(place)
            assert place.gateway.live.snapshot.proxies["office"].reveal() == value["office"]
            gone = await admin.ask("PUT", f"{SETTINGS}/proxies", {"value": None, "revision": 2})
            assert (gone.status, gone.json["code"]) == (409, "in_use")
            text = (await admin.ask("GET", "/api/v1/configuration.yaml")).body
            assert b"pass-word" not in text
            yaml = {"content-type": "application/yaml"}
            back = (await admin.ask("PUT", "/api/v1/configuration.yaml", text, yaml)).json
            assert (back["unchanged"], back["refused"]) == (2, [])

    asyncio.run(scene())


def test_proxies_and_who_names_them_come_in_one_text(tmp_path: Path) -> None:
    text = b"""
settings: [{spec: {name: proxies, value: {office: "http://127.0.0.1:3128"}}}]
channels: [{spec: {name: a, provider: openai, proxy: office}}]
"""

    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            yaml = {"content-type": "application/yaml"}
            told = (await admin.ask("PUT", "/api/v1/configuration.yaml", text, yaml)).json
            assert (told["added"], told["refused"]) == (["settings/proxies", "channels/a"], [])
            await in_force(place)
            assert place.gateway.live.snapshot.channels[0].proxy == "http://127.0.0.1:3128"

    asyncio.run(scene())


@pytest.mark.parametrize(
    "value",
    [
        {"none": "http://127.0.0.1:1"},
        {"environment": "http://127.0.0.1:1"},
        {"a/b": "http://127.0.0.1:1"},
        {"a": "socks5://127.0.0.1:1"},
        {"a": ""},
        {"a": "sealed:00000000:"},
        ["http://127.0.0.1:1"],
        "http://127.0.0.1:1",
    ],
)
def test_proxies_that_cannot_be_used_are_refused(tmp_path: Path, value: object) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            told = await admin.ask("PUT", f"{SETTINGS}/proxies", {"value": value})
            assert told.status in (404, 422), told.body
            assert not place.gateway.live.snapshot.proxies

    asyncio.run(scene())


MOVES: list[dict[str, Any]] = [
    {"base_url": "https://two.example/v1"},
    {"proxy": "http://proxy.example:3128"},
    {"proxy": "none"},
    {"provider": "anthropic-compatible"},
    {"ca_bundle": AUTHORITY},
    {"private": True},
]


@pytest.mark.parametrize("move", MOVES, ids=lambda move: next(iter(move)))
def test_secrets_do_not_follow_to_another_address(tmp_path: Path, move: dict[str, Any]) -> None:
    async def scene() -> None:
        async with staffed(tmp_path) as (place, admin, operator):
            made = (await admin.ask("POST", CHANNELS, {"spec": CHANNEL})).json
            path, kept = f"{CHANNELS}/{made['id']}", {**made["spec"], **move}
            anew = {**CHANNEL, **move, "api_key": "sk-another-123456"}
            for who in (operator, admin):
                told = await who.ask("PATCH", path, {"revision": 1, "spec": kept})
                expected = (403, "forbidden") if who is operator and "private" in move else (422, "secrets_anew")
                assert (told.status, told.json["code"]) == expected
            told = await operator.ask("PATCH", path, {"revision": 1, "spec": kept, "keep_secrets": True})
            assert (told.status, told.json["code"]) == (403, "forbidden")
            half = {**anew, "headers": made["spec"]["headers"]}
            assert (await admin.ask("PATCH", path, {"revision": 1, "spec": half})).json["code"] == "secrets_anew"
            given = await (admin if "private" in move else operator).ask("PATCH", path, {"revision": 1, "spec": anew})
            assert given.status == 200, given.body
            back = {**given.json["spec"], **{name: CHANNEL.get(name) for name in move}}
            back = {name: value for name, value in back.items() if value is not None}
            assert (await admin.ask("PATCH", path, {"revision": 2, "spec": back})).json["code"] == "secrets_anew"
            told = await admin.ask("PATCH", path, {"revision": 2, "spec": back, "keep_secrets": True})
            assert told.status == 200, told.body
            entries = (await admin.ask("GET", "/api/v1/audit")).json["entries"]
            assert [one["note"]["action"] for one in entries].count("channel.keep_secrets") == 1
            await in_force(place)
            assert place.gateway.live.snapshot.channels[0].api_key.reveal() == "sk-another-123456"

    asyncio.run(scene())


def test_what_leads_nowhere_else_needs_no_secrets(tmp_path: Path) -> None:
    async def scene() -> None:
        async with staffed(tmp_path) as (_, admin, operator):
            made = (await admin.ask("POST", CHANNELS, {"spec": CHANNEL})).json
            path = f"{CHANNELS}/{made['id']}"
            mild = {**made["spec"], "weight": 3, "keepalive": False, "models": ["m"], "tags": ["x"]}
            assert (await operator.ask("PATCH", path, {"revision": 1, "spec": mild})).status == 200
            assert (await operator.ask("PATCH", path, {"revision": 2, "state": "disabled"})).status == 200

    asyncio.run(scene())


def test_an_import_keeps_no_secrets_for_another_address_either(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            await admin.ask("POST", CHANNELS, {"spec": CHANNEL})
            await in_force(place)
            text = (await admin.ask("GET", "/api/v1/configuration.yaml")).body.replace(b"one.example", b"two.example")
            yaml = {"content-type": "application/yaml"}
            told = (await admin.ask("PUT", "/api/v1/configuration.yaml", text, yaml)).json
            assert "Give the secrets anew" in told["refused"][0]
            told = (await admin.ask("PUT", "/api/v1/configuration.yaml", text, yaml, "keep_secrets=true")).json
            assert told["changed"] == ["channels/a"]

    asyncio.run(scene())


def test_every_option_leads_elsewhere_unless_it_is_known_not_to() -> None:
    """A row's new option asks for secrets anew until somebody says that it does not lead anywhere."""
    rows = catalog()
    leading = set()
    for row in rows.values():
        for name in row.options:
            before = ChannelTable(name="a", provider=row.id)
            if moved(before, replace(before, options={name: "other"}), rows):
                leading.add(name)
    assert leading == {
        *("auth_url", "ca_bundle", "certificate", "key", "location", "project", "scope", "verify"),
        *("client_auth", "client_id", "tenant", "token_url"),
    }, "say of a new option whether it leads elsewhere"
    assert {"api", "addendum", "api_version"} >= MILD


def test_secrets_among_options_are_sealed_and_work(tmp_path: Path) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            options = {"token_url": "https://issuer.example/t", "client_id": "c", "client_secret": "hidden-secret-77"}
            spec = {**CHANNEL, "api_key": "", "headers": {}, "options": options}
            made = await admin.ask("POST", CHANNELS, {"spec": spec})
            assert made.status == 201, made.body
            await in_force(place)
            channel = place.gateway.live.snapshot.channels[0]
            assert channel.secret_options["client_secret"].reveal() == "hidden-secret-77"
            path = f"{CHANNELS}/{made.json['id']}"
            for told in (made, await admin.ask("GET", path), await admin.ask("GET", "/api/v1/configuration.yaml")):
                assert b"hidden-secret" not in told.body
            assert made.json["spec"]["options"]["client_secret"].startswith("sealed:")
            moving = {
                **made.json["spec"],
                "options": {**made.json["spec"]["options"], "token_url": "https://e.example"},
            }
            told = await admin.ask("PATCH", path, {"revision": 1, "spec": moving})
            assert told.json["code"] == "secrets_anew"
            weighed = {**made.json["spec"], "weight": 2}
            assert (await admin.ask("PATCH", path, {"revision": 1, "spec": weighed})).status == 200
            await in_force(place)
            assert (
                place.gateway.live.snapshot.channels[0].secret_options["client_secret"].reveal() == "hidden-secret-77"
            )

    asyncio.run(scene())


def test_health_tells_what_is_left(tmp_path: Path) -> None:
    async def scene() -> None:
        async with staffed(tmp_path) as (place, admin, _):
            await admin.ask("POST", CHANNELS, {"spec": {**CHANNEL, "models": ["m"]}})
            await in_force(place)
            (told,) = (await admin.ask("GET", f"{CHANNELS}/health")).json
            assert (told["funds"], told["rates"]) == (None, [])
            relay = place.gateway.gateway.relay
            balance = balance_of(Amount(left=0.0, unit="USD"))
            now_ms = place.gateway.live.now_ms()
            standing = Standing(balance=balance, asked_ms=now_ms, due_ms=now_ms + 60_000)
            relay.learned.told.stand({"a": standing}, now_ms)
            step = Step(channel=place.gateway.live.snapshot.channels[0], model="m", why="test")
            _, limit, left, _ = NAMES[-1]
            relay.learned.told.hear(step, {limit: "100", left: "3"}, int(asyncio.get_running_loop().time() * 1000), 0.0)
            (told,) = (await admin.ask("GET", f"{CHANNELS}/health")).json
            assert (told["funds"]["state"], told["funds"]["amounts"][0]["left"]) == ("exhausted", 0.0)
            assert [(one["model"], one["of"], one["left"], one["limit"]) for one in told["rates"]] == [
                ("m", "tokens", 3, 100)
            ]
            for use, words in (("refuse", "used up"), ("last", "used up")):
                set_to = await admin.ask("PUT", f"{SETTINGS}/balances", {"value": use, "revision": int(use == "last")})
                assert set_to.status == 200, set_to.body
                await in_force(place)
                plan = await admin.ask("POST", "/api/v1/plan", {"model": "m"})
                assert words in plan.body.decode()

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("balances", "hide"),
        ("balances", 1),
        ("balances_minutes", 0),
        ("balances_minutes", 1.5),
        ("balances_minutes", 1441),
    ],
)
def test_settings_of_balances_are_checked(tmp_path: Path, name: str, value: object) -> None:
    async def scene() -> None:
        async with house(tmp_path) as place:
            admin = await place.admin()
            assert (await admin.ask("PUT", f"{SETTINGS}/{name}", {"value": value})).status == 422

    asyncio.run(scene())


def test_what_tests_have_found_is_remembered(tmp_path: Path) -> None:
    with StandIn(api_key="sk-right") as upstream:

        async def scene() -> None:
            keys = {"api_key": "", "api_keys": ["sk-right", *(f"sk-wrong-{number}" for number in range(9))]}
            async with with_channel(tmp_path, upstream, **keys) as (place, admin, path):
                assert (await admin.ask("GET", f"{path}/tests")).json == []
                await admin.ask("POST", f"{path}/test", {"tests": ["text"], "each_key": True})
                told = (await admin.ask("GET", f"{path}/tests")).json
                assert [one["ok"] for one in told] == [True, *[False] * 9]
                assert (told[0]["by"], told[0]["account"], told[1]["problem"]) == ("root", "a#1", "upstream_credential")
                one = Tried(
                    at_ms=1, by="", test="text", account="a", model="m", ok=True, problem="", status=200, took_ms=1
                )
                await place.store.trials.add("a", [replace(one, at_ms=place.gateway.live.now_ms())] * KEPT)
                assert len(await place.store.trials.of("a")) == KEPT
                assert await place.store.trials.of("another") == ()

        asyncio.run(scene())


def test_no_more_than_eight_keys_are_tried_at_once(tmp_path: Path) -> None:
    """A listener that takes connections and says nothing tells how many there are."""

    async def scene() -> None:
        under_way, most, enough = 0, 0, asyncio.Event()

        async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            nonlocal under_way, most
            under_way += 1
            most = max(most, under_way)
            if most == 8:
                enough.set()
            await reader.readuntil(b"\r\n\r\n")
            await enough.wait()
            for _ in range(20):
                await asyncio.sleep(0)
            under_way -= 1
            writer.write(b"HTTP/1.1 503 No\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            writer.close()

        listening = await asyncio.start_server(talk, "127.0.0.1", 0, family=socket.AF_INET)
        async with listening, house(tmp_path) as place:
            admin = await place.admin()
            spec = {
                **CHANNEL,
                "base_url": f"http://127.0.0.1:{listening.sockets[0].getsockname()[1]}/v1",
                "private": True,
                "api_key": "",
                "api_keys": [f"sk-{number}" for number in range(12)],
                "models": ["m"],
            }
            await admin.ask("POST", CHANNELS, {"spec": spec})
            await in_force(place)
            told = await admin.ask("POST", f"{CHANNELS}/a/test", {"tests": ["text"], "each_key": True})
            assert len(told.json) == 12
            assert most == 8

    asyncio.run(scene())
