"""The way of a call: whose certificates it trusts, by which proxy it goes, and whether its connection is kept."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest
from msgspec.structs import replace

from dragoman.canon.problem import Kind, Trouble
from dragoman.net.call import Call, Tls
from dragoman.net.signed import Signed
from dragoman.net.transport import is_loopback, open_transport
from dragoman.providers import gigachat, google, oauth
from dragoman.providers.tokens import Account, Credential
from tests.net.proxy import AUTHORITY, proxy, server

TEXT = AUTHORITY.read_text()


async def heard(calls: list[Call], environment: Mapping[str, str] | None = None) -> list[bytes | Kind]:
    """What each call in turn got: its answer, or a kind of problem."""
    found: list[bytes | Kind] = []
    async with open_transport(environment or {}) as transport:
        for call in calls:
            try:
                answer = await transport.send(call)
                found.append(await answer.whole())
                answer.close()
            except Trouble as trouble:
                found.append(trouble.problem.kind)
    return found


@pytest.mark.parametrize("bundle", [TEXT, str(AUTHORITY), f"{TEXT}\n{TEXT}"], ids=["text", "path", "twice"])
@pytest.mark.parametrize("by_proxy", [False, True], ids=["direct", "by proxy"])
def test_an_authority_of_ones_own_is_trusted_by_both_clients(bundle: str, by_proxy: bool) -> None:
    async def scene() -> None:
        async with server(tls=True) as there, proxy() as between:
            way = f"http://{between.host}" if by_proxy else ""
            url = f"https://{there.host}/"
            trusting = Call(url=url, method="GET", proxy=way, tls=Tls(ca_bundle=bundle), upstream="up")
            plain = Call(url=url, method="GET", proxy=way, upstream="up")
            assert await heard([trusting, plain, trusting]) == [b"ok", Kind.TLS, b"ok"]
            assert bool(between.connections) is by_proxy

    asyncio.run(scene())


def test_a_broken_text_is_told_without_being_quoted() -> None:
    async def scene() -> None:
        async with server(tls=True) as there, open_transport({}) as transport:
            tls = Tls(ca_bundle="-----BEGIN CERTIFICATE-----\nc2VjcmV0\n-----END CERTIFICATE-----")
            with pytest.raises(Trouble) as caught:
                await transport.send(Call(url=f"https://{there.host}/", tls=tls, upstream="up"))
            assert caught.value.problem.kind is Kind.TLS
            assert "c2VjcmV0" not in str(caught.value.problem)
            assert "c2VjcmV0" not in repr(tls)

    asyncio.run(scene())


def test_a_call_without_a_proxy_ignores_the_environments() -> None:
    async def scene() -> None:
        async with server() as there, proxy() as between:
            # a name that is not loopback, for which the environment's proxy would be used
            environment = {"http": f"http://{between.host}"}
            url = f"http://upstream.invalid:{there.port}/"
            assert await heard([Call(url=url, method="GET", proxy="")], environment) == [Kind.UNREACHABLE]
            assert not between.connections, "the name was looked up here"
            await heard([Call(url=url, method="GET")], environment)
            assert between.connections, "without a word the environment's proxy is asked"

    asyncio.run(scene())


@pytest.mark.parametrize(
    ("host", "is_here"),
    [
        ("localhost", True),
        ("a.localhost.", True),
        ("127.1.2.3", True),
        ("::1", True),
        ("localhost.example", False),
        ("127.example", False),
        ("128.0.0.1", False),
        ("", False),
    ],
)
def test_only_this_machine_is_reached_without_the_environments_proxy(host: str, is_here: bool) -> None:
    assert is_loopback(host) is is_here


GOOGLE = '{"type":"authorized_user","client_id":"c","client_secret":"s","refresh_token":"r","token_uri":"%s"}'


@pytest.mark.parametrize("by_proxy", [False, True], ids=["direct", "by proxy"])
@pytest.mark.parametrize("kind", ["google", "gigachat", "oauth"])
def test_a_token_is_fetched_by_the_same_way(kind: str, by_proxy: bool) -> None:
    """The server answers `ok` to everything, which is no token; what matters is whether it was reached."""

    async def scene() -> None:
        async with server(tls=True) as there, proxy() as between, open_transport({}) as transport:
            token_url = f"https://{there.host}/token"
            source, account = {
                "google": (google.SOURCE, Account(GOOGLE % token_url)),
                "gigachat": (gigachat.SOURCE, Account("a2V5", options={"auth_url": token_url})),
                "oauth": (
                    oauth.source_of(oauth.Office()),
                    Account("", options={"token_url": token_url, "client_id": "c", "client_secret": "s"}),
                ),
            }[kind]
            call = Call(
                url="https://192.0.2.1/never",
                credential=Credential(source, account),
                proxy=f"http://{between.host}" if by_proxy else "",
                upstream="up",
            )
            signed = Signed(transport)
            for tls, expected in ((Tls(), Kind.TLS), (Tls(ca_bundle=TEXT), Kind.GARBLED)):
                with pytest.raises(Trouble) as caught:
                    await signed.send(replace(call, tls=tls))
                assert caught.value.problem.kind is expected
            assert "post /token" in there.heads[0]
            assert bool(between.connections) is by_proxy

    asyncio.run(scene())


def test_a_proxys_password_is_for_the_proxy_alone() -> None:
    async def scene() -> None:
        async with server() as there, proxy() as between:
            way = f"http://user:pa%20ss@{between.host}"
            assert await heard([Call(url=f"http://{there.host}/x", method="GET", proxy=way)]) == [b"ok"]
            assert "proxy-authorization: basic dxnlcjpwysbzcw==" in between.heads[0]

    asyncio.run(scene())


@pytest.mark.parametrize("by_proxy", [False, True], ids=["direct", "by proxy"])
@pytest.mark.parametrize("keepalive", [True, False], ids=["kept", "not kept"])
def test_connections_are_kept_unless_that_is_not_wished(keepalive: bool, by_proxy: bool) -> None:
    async def scene() -> None:
        async with server() as there, proxy() as between:
            way = f"http://{between.host}" if by_proxy else ""
            call = Call(url=f"http://{there.host}/", method="GET", proxy=way, keepalive=keepalive)
            assert await heard([call, call, call]) == [b"ok", b"ok", b"ok"]
            assert there.connections == (1 if keepalive else 3)
            assert all(("connection: close" in head) is not keepalive for head in there.heads)

    asyncio.run(scene())


def test_who_keeps_none_takes_none_that_others_kept() -> None:
    async def scene() -> None:
        async with server() as there:
            url = f"http://{there.host}/"
            kept, alone = Call(url=url, method="GET"), Call(url=url, method="GET", keepalive=False)
            assert await heard([kept, alone, kept]) == [b"ok", b"ok", b"ok"]
            assert there.connections == 2

    asyncio.run(scene())


@pytest.mark.parametrize(("named", "reaches"), [(True, True), (False, False)])
def test_only_a_named_proxy_may_stand_where_the_channel_may_not_reach(named: bool, reaches: bool) -> None:
    async def scene() -> None:
        async with proxy() as between:
            call = Call(
                url="https://192.0.2.1/",
                method="GET",
                proxy=f"http://{between.host}",
                named_proxy=named,
                reach="private",
                connect_s=0.5,
            )
            public = Call(
                url="https://93.184.215.14/",
                method="GET",
                proxy=f"http://{between.host}",
                named_proxy=named,
                reach="public",
                connect_s=0.5,
            )
            await heard([public])
            assert bool(between.connections) is reaches
            await heard([call])
            assert between.connections, "a private channel may reach a proxy of its own"

    asyncio.run(scene())
