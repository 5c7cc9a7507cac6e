"""Addresses that were entered while the gateway runs lead to the public Internet, or where an admin let them."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dragoman.canon.problem import Kind, Trouble
from dragoman.net.call import Call
from dragoman.net.direct import DirectTransport
from dragoman.net.transport import open_transport
from dragoman.net.within import NEVER, NOT_PUBLIC_4, Reach, first_unfit, unfit, unfit_url
from tests.standin import StandIn

PRIVATE_4 = (
    *("127.0.0.1", "127.1.2.3", "127.255.255.254", "10.0.0.1", "10.255.255.255", "172.16.0.1", "172.31.255.254"),
    *("192.168.0.1", "192.168.255.254", "100.64.0.1", "100.127.255.254", "198.18.0.1", "198.19.255.254"),
    *("192.0.0.1", "192.0.2.1", "192.88.99.1", "198.51.100.7", "203.0.113.9"),
)
FORBIDDEN_4 = (
    *("0.0.0.0", "0.1.2.3", "169.254.169.254", "169.254.170.2", "169.254.0.1", "100.100.100.200", "168.63.129.16"),
    *("192.0.0.192", "224.0.0.1", "239.255.255.250", "240.0.0.1", "255.255.255.255"),
)
PRIVATE_6 = (
    "::1",
    "fc00::1",
    "fd12:3456::1",
    "2001:db8::1",
    "3fff::1",
    "2001:10::1",
    "100::1",
    "4000::1",
    "64:ff9b:1::1",
)
FORBIDDEN_6 = ("::", "fe80::1", "fe80::1%eth0", "ff02::1", "ff05::2", "fd00:ec2::254", "fd20:ce::254")
PUBLIC = ("1.1.1.1", "8.8.8.8", "93.184.216.34", "172.32.0.1", "100.128.0.1", "2606:4700::1111", "2a00:1450:4001::1")


def forms(number: str) -> Iterator[str]:
    """An IPv4 address as IPv6 addresses that stand for it."""
    inner = int(IPv4Address(number))
    yield f"::ffff:{number}"
    yield str(IPv6Address(inner))
    yield str(IPv6Address(int(IPv6Address("64:ff9b::")) | inner))
    yield str(IPv6Address((0x2002 << 112) | inner << 80 | 1))
    yield str(IPv6Address((0x20010000 << 96) | inner << 64 | (~inner & 0xFFFFFFFF)))


NEVER_CORPUS = (*FORBIDDEN_4, *FORBIDDEN_6, *(form for number in FORBIDDEN_4 for form in forms(number)))
PRIVATE_CORPUS = (*PRIVATE_4, *PRIVATE_6, *(form for number in PRIVATE_4 for form in forms(number)))
SPELLED = (
    *(
        "2130706433",
        "0x7f000001",
        "0177.0.0.1",
        "0x7f.0.0.1",
        "127.1",
        "127.0.1",
        "017700000001",
        "0x7f.1",
        "localhost",
    ),
    *("127.0.0.1.", "2852039166", "0xa9fea9fe", "0251.0376.0251.0376", "169.16689662", "[::1]", "[::ffff:7f00:1]"),
)
"""Hosts as they can be written, which the system's own look-up understands."""


def test_the_corpus_has_two_hundred_vectors() -> None:
    assert len({*NEVER_CORPUS, *PRIVATE_CORPUS, *SPELLED}) >= 190
    assert len(NEVER_CORPUS) + len(PRIVATE_CORPUS) + len(SPELLED) + len(PUBLIC) >= 200


@pytest.mark.parametrize("reach", ["public", "private"])
def test_what_is_never_connected_to_is_not(reach: Reach) -> None:
    assert [one for one in NEVER_CORPUS if not unfit(one, reach)] == []


def test_the_public_reach_ends_at_private_networks_in_every_form() -> None:
    assert [one for one in PRIVATE_CORPUS if not unfit(one, "public")] == []
    assert [one for one in (*PRIVATE_4, *PRIVATE_6) if unfit(one, "private")] == []
    assert [one for one in PUBLIC if unfit(one, "public")] == []
    assert [one for one in (*PRIVATE_CORPUS, *NEVER_CORPUS) if unfit(one, "anywhere")] == []


@given(st.integers(0, 2**32 - 1))
def test_an_address_in_an_address_is_no_freer_than_it_is_by_itself(number: int) -> None:
    plain = IPv4Address(number)
    if unfit(str(plain), "public"):
        assert [form for form in forms(str(plain)) if not unfit(form, "public")] == []
    else:
        assert not unfit(f"::ffff:{plain}", "public")


@given(st.integers(0, 2**128 - 1))
def test_what_python_calls_private_is_never_public_here(number: int) -> None:
    address = IPv6Address(number)
    if not address.is_global and address.ipv4_mapped is None and address not in IPv6Network("64:ff9b::/96"):
        assert unfit(str(address), "public")


def test_one_bad_address_of_several_is_enough() -> None:
    assert first_unfit(["8.8.8.8", "10.0.0.1"], "public")
    assert not first_unfit(["8.8.8.8", "1.1.1.1"], "public")
    assert {str(one) for one in NEVER} & {str(one) for one in NOT_PUBLIC_4}


@pytest.mark.parametrize(
    "url",
    [
        *(
            "http://example.com",
            "ftp://example.com",
            "https://localhost/v1",
            "https://a.localhost",
            "https://localhost.",
        ),
        *("https://127.0.0.1", "https://[::1]:8443/", "https://example.com:22", "https://example.com:25/x"),
        *("https://169.254.169.254/latest", "https://[fd00:ec2::254]/", "https://user@10.0.0.1/"),
    ],
)
def test_what_can_be_seen_to_be_wrong_is_refused_when_it_is_saved(url: str) -> None:
    assert unfit_url(url, "public")


@pytest.mark.parametrize("url", ["https://example.com", "https://example.com:8443/v1", "https://8.8.8.8"])
def test_the_public_internet_may_be_entered(url: str) -> None:
    assert unfit_url(url, "public") == ""


@pytest.fixture(name="canary")
def _canary() -> Iterator[StandIn]:
    with StandIn() as running:
        yield running


def refused(call: Call, transport: DirectTransport) -> Kind:
    """The kind of problem with which a call is not made."""

    async def scene() -> Kind:
        try:
            await transport.send(call)
        except Trouble as trouble:
            return trouble.problem.kind
        finally:
            transport.close()
        raise AssertionError("it was connected to")

    return asyncio.run(scene())


@pytest.mark.parametrize("host", SPELLED)
def test_however_loopback_and_metadata_are_spelled_nothing_is_connected(host: str, canary: StandIn) -> None:
    port = canary.url.rpartition(":")[2]
    reach: Reach = "private" if "169" in host or host in ("2852039166", "0xa9fea9fe") else "public"
    found = refused(Call(url=f"https://{host}:{port}/", reach=reach), DirectTransport())
    assert found is Kind.UNREACHABLE
    assert canary.requests == []


def answer_of(*addresses: str) -> list[tuple[Any, ...]]:
    """What a look-up tells."""
    return [
        (socket.AF_INET6 if ip_address(one).version == 6 else socket.AF_INET, socket.SOCK_STREAM, 6, "", (one, 443))
        for one in addresses
    ]


def test_a_name_that_changes_its_meaning_leads_nowhere(canary: StandIn) -> None:
    port = int(canary.url.rpartition(":")[2])
    told = [["127.0.0.1"], ["169.254.169.254"]]
    asked = []

    async def look_up(host: str, port: int) -> list[tuple[Any, ...]]:
        asked.append(host)
        return [(*one[:4], (one[4][0], port)) for one in answer_of(*told.pop(0))]

    async def scene() -> None:
        transport = DirectTransport(look_up)
        # No connection is kept, so that the name is looked up once more.
        call = Call(url=f"http://rebinding.test:{port}/v1/models", method="GET", reach="private", keepalive=False)
        first = await transport.send(call)  # the network that an admin let it lead into
        assert first.status
        first.close()
        with pytest.raises(Trouble) as found:
            await transport.send(call)
        assert "never connected to" in found.value.problem.message
        transport.close()

    asyncio.run(scene())
    assert asked == ["rebinding.test", "rebinding.test"]


def test_the_address_that_was_checked_is_the_one_that_is_connected(canary: StandIn) -> None:
    async def look_up(host: str, port: int) -> list[tuple[Any, ...]]:
        return answer_of("8.8.8.8", "127.0.0.1")

    assert refused(Call(url="https://two.test/", reach="public"), DirectTransport(look_up)) is Kind.UNREACHABLE
    assert canary.requests == []


def test_a_kept_connection_serves_no_call_of_a_shorter_reach(canary: StandIn) -> None:
    async def scene() -> None:
        transport = DirectTransport()
        url = f"{canary.url}/v1/models"
        kept = await transport.send(Call(url=url, method="GET"))
        await kept.whole()
        kept.close()
        with pytest.raises(Trouble):
            await transport.send(Call(url=url, method="GET", reach="public"))
        transport.close()

    asyncio.run(scene())


@pytest.mark.parametrize("inside", ["http://127.0.0.1:9/", "http://169.254.169.254/"])
def test_a_proxy_is_no_way_round(inside: str, canary: StandIn) -> None:
    async def scene() -> None:
        async with open_transport({"https": canary.url, "http": canary.url}) as network:
            for call in (
                Call(url=inside.replace("http:", "https:"), reach="public", proxy=canary.url),
                Call(url="https://8.8.8.8/", reach="public", proxy=canary.url),
                Call(url=inside, reach="public"),
            ):
                with pytest.raises(Trouble):
                    await network.send(call)

    asyncio.run(scene())
    assert canary.requests == []
