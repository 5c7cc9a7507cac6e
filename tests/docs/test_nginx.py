"""docs/deploy/nginx.md: its configuration runs in a real nginx, and agents behind it miss nothing."""

from __future__ import annotations

import http.client
import http.server
import json
import os
import re
import socket
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from msgspec import Struct

from dragoman.relay.delivery import LONGEST_S
from dragoman.settings.load import load
from dragoman.settings.record import Flags
from dragoman.web.asgi import BODY_LIMIT
from dragoman.web.listening import KEEP_ALIVE_S
from tests.clients.gateway import Upstream, gateway
from tests.clients.stage import HoldingVendor
from tests.conftest import Needs
from tests.docs.pages import text
from tests.standin import said

PAGE = text("deploy/nginx.md")
BLOCKS: list[str] = re.findall(r"```nginx\n(.*?)```", PAGE, re.DOTALL)
SITE = BLOCKS[0]
NAME = "gate.example.com"
MODEL = "standin-large"
START_S = 10.0
AROUND = """\
daemon off;
master_process off;
{user}
pid {folder}/pid;
error_log {folder}/error.log;
events {{}}
http {{
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {site}
}}
"""


class Stage(Struct, frozen=True):
    """A vendor, the gateway before it, and nginx before that."""

    vendor: HoldingVendor
    port: int
    """Of nginx."""
    folder: Path
    """Of its files."""
    trust: ssl.SSLContext
    """Trusts its certificate."""

    def open(self) -> http.client.HTTPSConnection:
        """A client's connection, over TLS, to the name in the certificate."""
        connection = http.client.HTTPSConnection(NAME, self.port, context=self.trust, timeout=30)
        plain = socket.create_connection(("127.0.0.1", self.port), timeout=30)
        connection.sock = self.trust.wrap_socket(plain, server_hostname=NAME)
        return connection


def certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate for the name, which signs itself, and its key."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, NAME)])
    now = datetime.now(UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(NAME)]), critical=False)
        .sign(key, hashes.SHA256())
    )
    shown, kept = folder / "gate.pem", folder / "gate.key"
    shown.write_bytes(signed.public_bytes(serialization.Encoding.PEM))
    kept.write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return shown, kept


def free_port() -> int:
    """A port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as trial:
        return int(trial.getsockname()[1])


@contextmanager
def nginx(program: Path, folder: Path, port: int, behind: str) -> Iterator[None]:
    """nginx with the page's configuration; only places and ports are changed."""
    changes = {
        "127.0.0.1:8090": behind,
        "listen 443 ": f"listen 127.0.0.1:{port} ",
        "/etc/ssl/": f"{folder}/",
        "/var/log/nginx/": f"{folder}/",
    }
    site = SITE
    for told, here in changes.items():
        assert told in site
        site = site.replace(told, here)
    user = "user root;" if os.geteuid() == 0 else ""
    file = folder / "nginx.conf"
    file.write_text(AROUND.format(folder=folder, user=user, site=site))
    process = subprocess.Popen([program, "-e", folder / "error.log", "-c", file, "-p", folder])
    try:
        wait_for(lambda: connects(port) or process.poll() is not None)
        assert process.poll() is None, (folder / "error.log").read_text()
        yield
    finally:
        process.terminate()
        process.wait(10)


def connects(port: int) -> bool:
    """Whether something listens."""
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def wait_for(condition: Callable[[], bool]) -> None:
    """Until it is so."""
    end = time.monotonic() + START_S
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def stage(needs: Needs, tmp_path: Path) -> Iterator[Stage]:
    """The three in a row. The vendor stops within its answer until it is released."""
    program = needs.program("nginx")
    shown, _ = certificate(tmp_path)
    trust = ssl.create_default_context(cafile=str(shown))
    port = free_port()
    with (
        HoldingVendor(lambda _: said("One. Two. Three. Four."), dialects=("openai_chat",)) as vendor,
        gateway(tmp_path / "gateway", Upstream(url=vendor.url, provider="openai-compatible")) as door,
        nginx(program, tmp_path, port, door.url.removeprefix("http://")),
    ):
        yield Stage(vendor, port, tmp_path, trust)


@contextmanager
def asked(
    stage: Stage,
    body: dict[str, Any] | None = None,
    path: str = "/v1/messages",
    headers: Mapping[str, str] | None = None,
) -> Iterator[http.client.HTTPResponse]:
    """The answer to a request; the client leaves at the end."""
    plain = {"model": MODEL, "max_tokens": 100, "stream": True, "messages": [{"role": "user", "content": "Count."}]}
    with closing(stage.open()) as connection:
        connection.request(
            "POST", path, json.dumps({**plain, **(body or {})}), {"content-type": "application/json", **(headers or {})}
        )
        with closing(connection.getresponse()) as answer:
            yield answer


def test_a_stream_passes_piece_by_piece(stage: Stage) -> None:
    with asked(stage) as answer:
        lines = iter(answer.readline, b"")
        first = next(line for line in lines if b"text_delta" in line)

        # The vendor has not said more yet, so what has come was not held back on the way.
        assert b"One" in first
        assert not stage.vendor.requests[0].ended
        stage.vendor.released.set()
        rest = b"".join(lines)

    assert b"Four." in rest
    assert b"message_stop" in rest


def test_a_client_that_leaves_stops_the_model(stage: Stage) -> None:
    with asked(stage) as answer:
        next(line for line in iter(answer.readline, b"") if b"text_delta" in line)

    assert stage.vendor.wait(lambda vendor: vendor.requests[0].left_after_ms is not None)


def test_errors_pass_as_they_are(stage: Stage) -> None:
    with asked(stage, {"messages": "none"}) as answer:
        assert answer.status == 400
        assert json.load(answer)["error"]["type"] == "invalid_request_error"
        assert answer.headers["request-id"].startswith("dgm_")


def test_a_body_as_large_as_the_gateway_takes_passes(stage: Stage) -> None:
    stage.vendor.released.set()
    long = "x" * (BODY_LIMIT - 1024)

    with asked(stage, {"messages": [{"role": "user", "content": long}], "stream": False}) as answer:
        assert answer.status == 200
    assert len(stage.vendor.requests[0].raw) > BODY_LIMIT - 1024


def test_keys_in_a_query_are_not_logged_and_the_exchange_is(stage: Stage) -> None:
    stage.vendor.released.set()
    log = stage.folder / "dragoman.log"

    with asked(stage, {"stream": False}, "/v1/messages?key=secret") as answer:
        answer.read()
    wait_for(lambda: bool(log.read_text()))

    assert "secret" not in log.read_text()
    assert log.read_text().split()[-1] == answer.headers["request-id"]


def test_http_2_is_offered(stage: Stage) -> None:
    stage.trust.set_alpn_protocols(["h2", "http/1.1"])
    with (
        socket.create_connection(("127.0.0.1", stage.port)) as plain,
        stage.trust.wrap_socket(plain, server_hostname=NAME) as secured,
    ):
        assert secured.selected_alpn_protocol() == "h2"


def test_a_gateway_that_is_away_is_told_as_agents_read_it(needs: Needs, tmp_path: Path) -> None:
    shown, _ = certificate(tmp_path)
    port = free_port()
    stage = Stage(HoldingVendor(), port, tmp_path, ssl.create_default_context(cafile=str(shown)))
    with (
        nginx(needs.program("nginx"), tmp_path, port, f"127.0.0.1:{free_port()}"),
        asked(stage) as answer,
    ):
        assert (answer.status, answer.headers["retry-after"]) == (503, "5")
        assert answer.headers["content-type"] == "application/json"
        assert json.load(answer)["error"]["type"] == "api_error"


class Echo(http.server.BaseHTTPRequestHandler):
    """An upstream that tells what it was told of the client."""

    def do_POST(self) -> None:
        """Answers with the header."""
        self.rfile.read(int(self.headers["content-length"]))
        body = self.headers["x-forwarded-for"].encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Says nothing."""


def test_the_gateway_is_told_the_clients_address_and_no_other(needs: Needs, tmp_path: Path) -> None:
    shown, _ = certificate(tmp_path)
    port = free_port()
    stage = Stage(HoldingVendor(), port, tmp_path, ssl.create_default_context(cafile=str(shown)))
    with (
        http.server.ThreadingHTTPServer(("127.0.0.1", 0), Echo) as echo,
        nginx(needs.program("nginx"), tmp_path, port, f"127.0.0.1:{echo.server_port}"),
    ):
        threading.Thread(target=echo.serve_forever, daemon=True).start()
        with asked(stage, headers={"x-forwarded-for": "192.0.2.7"}) as answer:
            assert answer.read() == b"127.0.0.1"
        echo.shutdown()


def test_the_settings_of_the_page_load(tmp_path: Path) -> None:
    found = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    (tmp_path / "dragoman.toml").write_text(found[0])

    server = load(Flags(), {"DRAGOMAN_CLIENT_KEY": "k"}, tmp_path, tmp_path).server

    assert (len(server.api_keys), server.trusted_proxies) == (1, ("127.0.0.1",))


def seconds(directive: str) -> int:
    """A time that the configuration sets."""
    found = re.search(rf"\b{directive} (\d+)s;", SITE)
    assert found, directive
    return int(found[1])


def test_the_limits_suit_those_of_the_gateway() -> None:
    assert seconds("keepalive_timeout") < KEEP_ALIVE_S
    assert seconds("proxy_read_timeout") > LONGEST_S
    assert f"client_max_body_size {BODY_LIMIT // 1024 // 1024}m;" in SITE
