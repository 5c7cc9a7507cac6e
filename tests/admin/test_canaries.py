"""Unique secrets are sent through everything a gateway does, at the most talkative log level, and found nowhere."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, NamedTuple

from tests.standin import StandIn

MARK = "cAnArY9"
"""Stands in every secret; nothing else holds it."""
NEEDLE = "pRoMpT7 words"
"""Stands in every prompt, and comes back in the answers of an upstream that echoes."""
START_S = 60


class Told(NamedTuple):
    """An answer, headers and all."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


class Gateway(NamedTuple):
    """A running gateway, and what it has said so far."""

    port: int
    token: str
    told: list[Told]

    def ask(self, method: str, path: str, body: object = None, headers: Mapping[str, str] | None = None) -> Told:
        """An answer, which is kept."""
        line = HTTPConnection("127.0.0.1", self.port, timeout=60)
        data = json.dumps(body).encode() if body is not None else None
        line.request(method, path, data, {"content-type": "application/json", **(headers or {})})
        answer = line.getresponse()
        # Of several cookies the first counts, which is the session's.
        headers = {name.lower(): value for name, value in reversed(answer.getheaders())}
        told = Told(answer.status, headers, answer.read())
        line.close()
        self.told.append(told)
        return told


@contextmanager
def running(folder: Path, log: Path) -> Iterator[Gateway]:
    """A gateway of its own, at debug level, with secrets in its environment."""
    environ = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": str(folder),
        "DRAGOMAN_DATA": str(folder / "data"),
        "DRAGOMAN_LOG_LEVEL": "debug",
        "DRAGOMAN_MASTER_KEY": f"{MARK}-master-{'k3yK3' * 8}",
        "DRAGOMAN_API_KEYS": f"sk-{MARK}-door",
        "OPENAI_API_KEY": f"sk-{MARK}-environment",
    }
    with log.open("wb") as errors:
        words = [sys.executable, "-m", "dragoman", "--port", "0"]
        process = subprocess.Popen(words, cwd=folder, env=environ, stdout=subprocess.PIPE, stderr=errors)
    try:
        assert process.stdout is not None
        said = ""
        for line in process.stdout:
            said += line.decode()
            port, token = re.search(r"127\.0\.0\.1:(\d+)", said), re.search(r"setup-token[ =](\S+)", said)
            if port and token:
                yield Gateway(int(port[1]), token[1], [])
                break
        else:
            raise AssertionError(f"it did not start: {said} {log.read_text()}")
    finally:
        process.terminate()
        process.wait(START_S)
        if process.stdout:
            process.stdout.close()


def ask_everything(gateway: Gateway, upstream: StandIn) -> None:
    """What people and agents do, rightly and wrongly, each with a secret of its own."""
    password = f"{MARK}-password"
    made = gateway.ask("POST", "/api/v1/setup", {"token": gateway.token, "login": "root", "password": password})
    assert made.status == 201, made.body
    session = {"cookie": made.headers["set-cookie"].partition(";")[0], "x-dragoman-csrf": made.json["csrf"]}
    spec = {
        "name": "a",
        "provider": "openai-compatible",
        "base_url": f"{upstream.url}/v1",
        "private": True,
        "api_keys": [f"sk-{MARK}-one", f"sk-{MARK}-two"],
        "headers": {"x-team": f"{MARK}-header"},
        "models": ["m"],
    }
    channel = gateway.ask("POST", "/api/v1/channels", {"spec": spec}, session)
    assert channel.status == 201, channel.body
    identity = {"name": "corp", "issuer": "https://id.test", "client_id": "x", "client_secret": f"{MARK}-sso"}
    assert gateway.ask("POST", "/api/v1/sso", {"spec": identity}, session).status == 201
    proxied = {**spec, "name": "b", "proxy": f"http://user:{MARK}-proxy@127.0.0.1:9", "models": ["p"]}
    gateway.ask("POST", "/api/v1/channels", {"spec": proxied}, session)
    gateway.ask("POST", "/api/v1/channels", {"spec": {**spec, "api_key": f"{MARK}-both", "name": "x"}}, session)
    gateway.ask("POST", "/api/v1/channels", {"spec": {**spec, "api_key": {"x": f"{MARK}-odd"}, "name": "x"}}, session)
    for path in (f"/api/v1/channels/{channel.json['id']}/test", "/api/v1/plan"):
        gateway.ask("POST", path, {"model": "m"} if path.endswith("plan") else {"each_key": True}, session)
    for login in ("root", "nobody"):
        gateway.ask("POST", "/api/v1/session", {"login": login, "password": f"{MARK}-wrong"})
    for number in range(3):
        gateway.ask("GET", "/api/v1/channels", headers={"authorization": f"Bearer dgt_{MARK}{number}"})
    door = {"x-api-key": f"sk-{MARK}-door"}
    faults = ("", "F28.401", "F20", "F33", "F52.text", "F17", "F25", "F18")
    for stream in (True, False):
        for fault in faults:
            if fault and not (fault == "F18" and stream):
                upstream.fault(fault)
            gateway.ask("POST", "/v1/messages", message(stream=stream), door)
            gateway.ask("POST", "/v1/chat/completions", message(stream=stream), door)
    gateway.ask("POST", "/v1/messages", {**message(stream=False), "model": "p"}, door)
    gateway.ask("POST", "/v1/messages", message(stream=False), {"x-api-key": f"sk-{MARK}-nobody"})
    gateway.ask("POST", f"/v1beta/models/m:generateContent?key={MARK}-query", {"contents": []})
    for path in (
        "channels",
        "channels/health",
        "settings",
        "exchanges",
        "audit",
        "configuration.yaml",
        "exchanges.csv",
    ):
        assert gateway.ask("GET", f"/api/v1/{path}", headers=session).status == 200, path
    for path in ("/metrics", "/readyz", "/health", "/v1/models", "/api/v1/users", "/api/v1/tokens", "/test-connection"):
        gateway.ask("GET", path, headers={**session, **door})


def message(*, stream: bool) -> dict[str, object]:
    """A request of either door."""
    return {"model": "m", "max_tokens": 9, "stream": stream, "messages": [{"role": "user", "content": NEEDLE}]}


def places(folder: Path, gateway: Gateway) -> Iterator[tuple[str, bytes]]:
    """Everything that was said or written."""
    for number, told in enumerate(gateway.told):
        yield f"answer {number}", told.body + repr(told.headers).encode()
    for file in folder.rglob("*"):
        if file.is_file():
            yield str(file.relative_to(folder)), file.read_bytes()


def test_no_canary_is_found_anywhere(tmp_path: Path) -> None:
    with StandIn() as upstream:
        with running(tmp_path, tmp_path / "log") as gateway:
            ask_everything(gateway, upstream)
            held = {name for name, content in places(tmp_path, gateway) if MARK.encode() in content}
        assert len(upstream.requests) > 10, "the secrets were in use"
        assert any(MARK in str(seen.headers) for seen in upstream.requests)
    assert held == set()
    assert [name for name, content in places(tmp_path, gateway) if MARK.encode() in content] == []
    written = [name for name, content in places(tmp_path, gateway) if NEEDLE.encode() in content]
    assert [name for name in written if not name.startswith("answer")] == [], "prompts rest sealed"
    assert (tmp_path / "log").stat().st_size > 1000
