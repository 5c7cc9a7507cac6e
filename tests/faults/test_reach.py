"""Faults in reaching the upstream: refused, unknown, stalled, untrusted, proxied, and connections found dead."""

from __future__ import annotations

import asyncio
import json
import socket
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from dragoman.canon.problem import Kind
from dragoman.routing.snapshot import Channel, Timeouts
from tests.clients.gateway import Upstream
from tests.faults.client import Told, ask, body_for
from tests.faults.gateway import MODEL, STALLING_NAME, Served, channel
from tests.faults.oracle import error_in
from tests.faults.process import running
from tests.faults.vendor import Vendor
from tests.standin import refusing

DOORS = ("anthropic", "openai_chat")
CERTIFICATES = Path(__file__).with_name("certificates")
"""Made for these tests: an authority, and what it signed for 127.0.0.1 (good, expired) and for elsewhere."""
QUICKLY = Timeouts(connect_s=1.5)
"""Of the gateway's hurried seconds."""


def claim_unreached(gateway: Served, door: str, first: Channel, kind: Kind, status: int, attempts: int) -> Told:
    """Alone it is told so; with another channel behind the client never hears of it."""
    gateway.stand(first)
    told = ask(gateway.port, door, stream=True)
    exchange = gateway.exchange()
    assert told.status == status, told
    assert [attempt.problem for attempt in exchange.attempts] == [kind] * attempts
    assert not any(attempt.maybe_billed for attempt in exchange.attempts if kind is not Kind.TIMEOUT)
    with Vendor() as well:
        gateway.stand(first, channel("second", "anthropic", well.url))
        assert ask(gateway.port, door, stream=True).status == 200
        assert len(gateway.exchange().attempts) == 2
    return told


@pytest.mark.parametrize("door", DOORS)
def test_f01_a_refused_connection_goes_to_the_next_channel(gateway: Served, door: str) -> None:
    with refusing() as url:
        claim_unreached(gateway, door, channel("first", "openai_chat", url), Kind.UNREACHABLE, 502, 2)


def test_f02_a_host_that_can_have_no_address_is_unreachable(gateway: Served) -> None:
    url = f"http://{'x' * 64}.invalid"
    told = claim_unreached(gateway, "anthropic", channel("first", "openai_chat", url), Kind.UNREACHABLE, 502, 2)
    assert "base_url" in error_in("anthropic", told.body)["message"]


def test_f02_an_unknown_name_is_told_as_one(gateway: Served) -> None:
    first = channel("first", "anthropic", "http://unknown.invalid")
    told = claim_unreached(gateway, "anthropic", first, Kind.UNREACHABLE, 502, 2)
    assert "name" in error_in("anthropic", told.body)["message"]


def test_f03_a_name_service_that_stalls_ends_at_the_connect_limit(gateway: Served) -> None:
    first = channel("first", "openai_chat", f"http://{STALLING_NAME}", timeouts=QUICKLY)
    claim_unreached(gateway, "openai_chat", first, Kind.TIMEOUT, 504, 1)


@contextmanager
def black_hole() -> Iterator[str]:
    """An address that takes no more connections and says nothing about it."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        waiting = []
        for _ in range(4):
            line = socket.socket()
            line.setblocking(False)
            line.connect_ex(listener.getsockname())
            waiting.append(line)
        try:
            yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        finally:
            for line in waiting:
                line.close()


@pytest.mark.parametrize("door", DOORS)
def test_f05_a_connection_that_never_comes_about_ends_at_the_connect_limit(gateway: Served, door: str) -> None:
    with black_hole() as url:
        claim_unreached(gateway, door, channel("first", "anthropic", url, timeouts=QUICKLY), Kind.TIMEOUT, 504, 1)


def test_f06_a_handshake_that_stalls_ends_at_the_connect_limit(gateway: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        url = f"https://127.0.0.1:{silent.getsockname()[1]}"
        first = channel("first", "anthropic", url, timeouts=QUICKLY)
        claim_unreached(gateway, "openai_chat", first, Kind.TIMEOUT, 504, 1)


@contextmanager
def behind_tls(certificate: str, upstream: str) -> Iterator[str]:
    """An address at which an upstream is reached with this certificate."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(CERTIFICATES / f"{certificate}.pem")
    port = int(upstream.rpartition(":")[2])

    async def carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            with suppress(OSError):
                while data := await reader.read(65536):
                    writer.write(data)
                    await writer.drain()
        finally:
            writer.close()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        up_reader, up_writer = await asyncio.open_connection("127.0.0.1", port)
        await asyncio.gather(carry(reader, up_writer), carry(up_reader, writer))

    loop = asyncio.new_event_loop()
    loop.set_exception_handler(lambda *_: None)  # handshakes fail here on purpose
    server = loop.run_until_complete(asyncio.start_server(serve, "127.0.0.1", 0, ssl=context))
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    try:
        yield f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join(10)
        server.close()
        running = asyncio.all_tasks(loop)
        for task in running:
            task.cancel()
        for task in running:
            with suppress(asyncio.CancelledError, OSError):
                loop.run_until_complete(task)
        loop.run_until_complete(asyncio.sleep(0))
        loop.close()


@pytest.mark.slow
def test_f07_a_certificate_that_is_not_to_be_trusted_is_told_and_not_tried_again(tmp_path: Path) -> None:
    kinds = ("good", "expired", "wrong_name", "unknown")
    trust = {"SSL_CERT_FILE": str(CERTIFICATES / "authority.pem"), "SSL_CERT_DIR": str(tmp_path)}
    with (
        Vendor() as vendor,
        behind_tls("good", vendor.url) as good,
        behind_tls("expired", vendor.url) as expired,
        behind_tls("wrong_name", vendor.url) as wrong_name,
        behind_tls("unknown", vendor.url) as unknown,
    ):
        upstreams = [
            Upstream(url=url, provider="openai-compatible", name=name, models=(MODEL if name == "good" else name,))
            for name, url in zip(kinds, (good, expired, wrong_name, unknown), strict=True)
        ]
        with running(tmp_path, *upstreams, environment=trust) as gateway:
            for upstream in upstreams:
                body = json.dumps(body_for("anthropic", stream=True, model=upstream.models[0])).encode()
                told = ask(gateway.port, "anthropic", stream=True, body=body)
                if upstream.name == "good":
                    assert told.status == 200, gateway.log.read_text()
                    continue
                assert (told.status, told.headers.get("x-should-retry")) == (502, "false"), upstream.name
                assert "certificate" in error_in("anthropic", told.body)["message"]
        assert vendor.calls == 1, "something was sent to an upstream that is not to be trusted"


@pytest.mark.parametrize("key", ["F09", "F09.reuse"])
@pytest.mark.parametrize("dialect", DOORS)
def test_f09_a_kept_connection_found_dead_costs_nothing(gateway: Served, key: str, dialect: str) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", dialect, vendor.url))
        vendor.fault(key)
        for _ in range(2):
            assert ask(gateway.port, "anthropic", stream=True).status == 200
            assert len(gateway.exchange().attempts) == 1
        assert (vendor.calls, vendor.connections) == (2, 2)


def test_f11_a_proxy_that_is_down_is_told_as_a_proxy(gateway: Served) -> None:
    with refusing() as proxy:
        first = channel("first", "anthropic", "http://upstream.invalid", proxy=proxy)
        told = claim_unreached(gateway, "anthropic", first, Kind.UNREACHABLE, 502, 2)
        assert "proxy" in error_in("anthropic", told.body)["message"]


def test_f11_a_proxy_that_refuses_is_told_as_a_proxy(gateway: Served) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        threading.Thread(target=refuse_all, args=(listener,), daemon=True).start()
        proxy = f"http://127.0.0.1:{listener.getsockname()[1]}"
        first = channel("first", "anthropic", "https://upstream.invalid", proxy=proxy)
        told = claim_unreached(gateway, "openai_chat", first, Kind.UNREACHABLE, 502, 2)
        assert "proxy" in error_in("openai_chat", told.body)["message"]


def refuse_all(listener: socket.socket) -> None:
    """A proxy that wants a password."""
    with suppress(OSError):
        while True:
            line, _ = listener.accept()
            with line:
                line.recv(65536)
                line.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n\r\n")
