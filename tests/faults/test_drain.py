"""The end of the process: running answers are finished, new ones refused, and who is cut off is told (F77)."""

from __future__ import annotations

import json
import signal
import socket
import threading
from pathlib import Path

import pytest

from tests.clients.gateway import PROVIDERS, Upstream, Wire
from tests.faults.client import Told, ask, body_for
from tests.faults.gateway import MODEL
from tests.faults.heard import hear, meant
from tests.faults.process import Running, running
from tests.faults.vendor import ANSWER, Vendor

pytestmark = pytest.mark.slow
PATHS: list[tuple[str, Wire]] = [("anthropic", "anthropic"), ("anthropic", "openai_chat"), ("openai_chat", "anthropic")]


class Asking(threading.Thread):
    """A client that hears a long answer. Mutable: the answer comes later."""

    def __init__(self, gateway: Running, door: str) -> None:
        super().__init__(daemon=True)
        self._gateway = gateway
        self._door = door
        self.begun = threading.Event()
        self.told: Told | None = None

    def run(self) -> None:
        body = json.dumps(body_for(self._door, stream=True, model=MODEL)).encode()
        self.told = ask(self._gateway.port, self._door, stream=True, body=body, hears=self.begun.set)


def refuses(port: int) -> bool:
    """Whether nobody listens any more."""
    with socket.socket() as line:
        return line.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.parametrize(("door", "upstream"), PATHS)
def test_f77_running_answers_are_finished_and_new_requests_refused(tmp_path: Path, door: str, upstream: Wire) -> None:
    with Vendor() as vendor:
        vendor.fault("F56", wait_s=0.01)
        with running(tmp_path, Upstream(url=vendor.url, provider=PROVIDERS[upstream], models=(MODEL,))) as gateway:
            client = Asking(gateway, door)
            client.start()
            assert client.begun.wait(20), gateway.log.read_text()
            gateway.process.send_signal(signal.SIGTERM)
            assert vendor.wait(lambda _: refuses(gateway.port)), "new connections were still taken"
            assert not vendor.requests[0].over, "the answer had ended too early to show anything"
            client.join(30)
            assert client.told is not None
            heard = hear(door, client.told.body, stream=True)
            assert (heard.error, heard.ended, heard.said) == (None, True, meant(ANSWER))
            assert gateway.process.wait(20) == 0
            assert "exchange" in gateway.log.read_text()


@pytest.mark.parametrize("door", ["anthropic", "openai_chat"])
def test_f77_an_answer_that_is_cut_off_is_told_so(tmp_path: Path, door: str) -> None:
    with Vendor() as vendor:
        vendor.fault("F56", wait_s=0.1)
        with running(tmp_path, Upstream(url=vendor.url, provider="anthropic", models=(MODEL,))) as gateway:
            client = Asking(gateway, door)
            client.start()
            assert client.begun.wait(20), gateway.log.read_text()
            gateway.process.send_signal(signal.SIGTERM)
            assert vendor.wait(lambda _: refuses(gateway.port))
            gateway.process.send_signal(signal.SIGINT)
            client.join(30)
            assert client.told is not None
            heard = hear(door, client.told.body, stream=True)
            assert (heard.stop, heard.ended, heard.odd) == (None, False, [])
            assert heard.error is not None, client.told
            assert heard.error["type"] == ("overloaded_error" if door == "anthropic" else "server_error")
            assert gateway.process.wait(20) == 0
