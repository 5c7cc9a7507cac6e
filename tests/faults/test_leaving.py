"""Clients that leave, and clients that read slowly or not at all (F60 to F64)."""

from __future__ import annotations

import socket
import time

import pytest

from dragoman.canon.usage import NOTHING_SAID
from dragoman.net.call import WATCH, watchful_socket
from dragoman.routing.health import Health
from dragoman.web.listening import bind
from tests.faults.client import PAIRS
from tests.faults.gateway import Served, channel
from tests.faults.raw import leave, line, request, until
from tests.faults.vendor import Vendor


@pytest.mark.parametrize("rudely", [False, True], ids=["farewell", "reset"])
@pytest.mark.parametrize("stream", [True, False], ids=["stream", "whole"])
@pytest.mark.parametrize(("door", "upstream"), PAIRS)
def test_f60_a_client_that_leaves_before_the_first_byte_stops_the_upstream(
    gateway: Served, door: str, upstream: str, stream: bool, rudely: bool
) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", upstream, vendor.url))
        vendor.fault("F12")
        with line(gateway.port) as client:
            client.sendall(request(door, stream=stream))
            assert vendor.wait(lambda _: vendor.calls == 1)
            leave(client, rudely=rudely)
            assert vendor.wait(lambda it: it.requests[0].left_after_ms is not None, 1.0), (
                "the upstream was left running"
            )
        exchange = gateway.exchange()
        assert exchange.client_left
        assert exchange.problem is None
        (attempt,) = exchange.attempts
        assert attempt.maybe_billed
        assert attempt.usage == NOTHING_SAID
        assert gateway.health == Health(), "a client's leaving was counted against the channel"


@pytest.mark.parametrize("after", [1, 2, 5, 12])
@pytest.mark.parametrize(("door", "upstream"), PAIRS)
def test_f61_a_client_that_leaves_within_the_answer_stops_the_upstream(
    gateway: Served, door: str, upstream: str, after: int
) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", upstream, vendor.url))
        vendor.fault("F56", wait_s=0.02)
        with line(gateway.port) as client:
            client.sendall(request(door))
            until(client, b"data: ")
            for _ in range(after):
                client.recv(65536)
            leave(client)
            assert vendor.wait(lambda it: it.requests[0].left_after_ms is not None, 1.0), (
                "the upstream was left running"
            )
        exchange = gateway.exchange()
        assert exchange.client_left
        assert exchange.finish is None
        assert exchange.attempts[0].maybe_billed
        assert exchange.usage.prompt
        assert exchange.usage.output
        assert not exchange.usage.exact
        assert gateway.health == Health()


@pytest.mark.parametrize(("door", "upstream"), PAIRS)
def test_f62_while_a_client_reads_slowly_the_upstream_is_not_read(gateway: Served, door: str, upstream: str) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", upstream, vendor.url))
        vendor.fault("F58")
        with line(gateway.port, receive_bytes=4096) as client:
            client.sendall(request(door))
            until(client, b"data: ")
            sent = settled(vendor)
            assert sent < 24 * 2**20, "bytes were piled up in between"
            heard = 0
            while heard < sent:
                heard += len(client.recv(65536))
            assert vendor.wait(lambda _: vendor.sent_bytes > sent), "reading did not go on"
        assert vendor.wait(lambda it: it.requests[0].over)


def settled(vendor: Vendor) -> int:
    """The bytes that a vendor could send, once it can send no more."""
    sent = -1
    while sent != vendor.sent_bytes:
        sent = vendor.sent_bytes
        time.sleep(0.25)
    return sent


@pytest.mark.slow
def test_f63_a_client_that_never_reads_is_let_go() -> None:
    with Served(speed=100.0) as gateway, Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        vendor.fault("F58")
        with line(gateway.port, receive_bytes=4096) as client:
            client.sendall(request("anthropic"))
            until(client, b"data: ")
            assert vendor.wait(lambda it: it.requests[0].over, 10), "the upstream was kept for nobody"
            assert gateway.exchange().client_left


def test_f55_an_upstream_s_line_is_watched_for_a_host_that_vanishes() -> None:
    with watchful_socket((socket.AF_INET, socket.SOCK_STREAM, 0, "", ("127.0.0.1", 1))) as made:
        claim_watched(made)


def claim_watched(connection: socket.socket) -> None:
    """The system looks after this line."""
    assert connection.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)
    for name, value in WATCH.items():
        if hasattr(socket, name):
            assert connection.getsockopt(socket.IPPROTO_TCP, getattr(socket, name)) == value


def test_f64_a_client_s_line_is_watched_for_a_host_that_vanishes() -> None:
    with bind("127.0.0.1", 0) as listener:
        listener.listen()
        with line(listener.getsockname()[1]):
            accepted, _ = listener.accept()
            with accepted:
                claim_watched(accepted)
