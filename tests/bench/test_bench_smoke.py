"""The benchmark's own instruments: they build, and they notice what they are there to notice."""

from __future__ import annotations

import http.client
import http.server
import json
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from bench import machine, targets
from bench.workloads import QUICK, WORKLOADS, Workload

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux" or not shutil.which("cc"), reason="the benchmark needs Linux and cc"),
]

LOADS = {load.name: load for load in WORKLOADS}
PACE = replace(QUICK, window_s=0.3, warm_s=0.0, light_s=0.5)


@pytest.fixture
def upstream(tmp_path: Path) -> Iterator[targets.Target]:
    targets.build()
    target = targets.start_upstream(machine.choose_cores().load, tmp_path)
    yield target
    machine.stop(target.process)


def load(workload: Workload, asked_as: str, port: int, folder: Path, *more: str) -> dict[str, Any]:
    """The generator's figures for one load on the stand-in, asked and checked as this target is."""
    request = folder / "request"
    request.write_bytes(workload.request(asked_as, PACE))
    command = [str(targets.BUILD / "load"), "--port", str(port), *workload.options(asked_as, PACE, request), *more]
    done = subprocess.run(command, capture_output=True, check=True, timeout=30)
    return dict(json.loads(done.stdout.splitlines()[-1]))


@pytest.mark.parametrize("name", [name for name, workload in LOADS.items() if not workload.hold and name != "tools"])
def test_a_direct_stream_is_found_equal(name: str, upstream: targets.Target, tmp_path: Path) -> None:
    seen = load(LOADS[name], "direct", upstream.port, tmp_path)
    assert seen["all_requests"] > 0
    assert (seen["errors"], seen["mismatches"], seen["unfinished"], seen["first_fault"]) == (0, 0, 0, "")


def test_a_paced_stream_keeps_its_pace(upstream: targets.Target, tmp_path: Path) -> None:
    workload = replace(LOADS["hold"], shape="text-8x20-e1-p50")
    seen = load(workload, "direct", upstream.port, tmp_path, "--connections", "20", "--count", "20")
    assert (seen["all_requests"], seen["deltas"], seen["mismatches"]) == (20, 160, 0)


def test_a_native_stream_passes_as_a_proper_translation(upstream: targets.Target, tmp_path: Path) -> None:
    seen = load(LOADS["verbatim-stream"], "dragoman", upstream.port, tmp_path, "--expect", "translated")
    assert (seen["errors"], seen["mismatches"]) == (0, 0)
    assert seen["deltas"] > 0


def test_an_untranslated_answer_is_refused_as_a_translation(upstream: targets.Target, tmp_path: Path) -> None:
    seen = load(LOADS["stream"], "direct", upstream.port, tmp_path, "--expect", "translated")
    assert seen["mismatches"] > 0
    assert "frame without event or data" in seen["first_fault"]


FAULTS: dict[str, Callable[[list[bytes]], list[bytes]]] = {
    "content_block_delta: wrong text": lambda frames: [frame.replace(b"21 ", b"12 ") for frame in frames],
    "content_block_stop: text is missing": lambda frames: frames[:65] + frames[66:],
    "content_block_stop out of order": lambda frames: [*frames[:-2], frames[-3], *frames[-2:]],
    "content_block_delta outside a block": lambda frames: [*frames[:-2], frames[5], *frames[-2:]],
    "message_delta out of order": lambda frames: frames[:-3] + frames[-2:],
    "second message_start": lambda frames: frames[:1] + frames,
    "no message_stop": lambda frames: frames[:-1],
    "an event after message_stop": lambda frames: [*frames, frames[-1]],
    "bytes behind the last frame": lambda frames: [*frames, b"data: "],
    "wrong stop_reason": lambda frames: [frame.replace(b"end_turn", b"max_tokens") for frame in frames],
    "wrong output_tokens": lambda frames: [frame.replace(b":64}", b":63}") for frame in frames],
    "event name and type differ": lambda frames: [
        *frames[:-1],
        frames[-1].replace(b"event: message_stop", b"event: end"),
    ],
    "broken JSON": lambda frames: [*frames[:-1], frames[-1].replace(b"}", b"")],
}


@pytest.mark.parametrize("fault", FAULTS)
def test_one_spoiled_frame_is_noticed(fault: str, upstream: targets.Target, tmp_path: Path) -> None:
    workload = LOADS["verbatim-stream"]
    whole = ask(upstream.port, workload.request("dragoman", PACE))
    frames = [frame + b"\n\n" for frame in whole.split(b"\n\n")[:-1]]
    with answering(b"".join(FAULTS[fault](frames))) as port:
        seen = load(
            workload, "dragoman", port, tmp_path, "--expect", "translated", "--connections", "1", "--count", "1"
        )
    assert (seen["mismatches"], seen["first_fault"].partition(" (")[0]) == (1, fault)


def ask(port: int, request: bytes) -> bytes:
    """The body of the answer to a raw request, without its framing."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(request)
        answer = http.client.HTTPResponse(connection)
        answer.begin()
        return answer.read()


@contextmanager
def answering(body: bytes) -> Iterator[int]:
    """A server that gives this body to whoever posts; its port."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            self.send_response(200)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def test_an_unknown_path_counts_as_an_error(upstream: targets.Target, tmp_path: Path) -> None:
    request = tmp_path / "elsewhere"
    request.write_bytes(b"POST /elsewhere HTTP/1.1\r\nhost: here\r\ncontent-length: 2\r\n\r\n{}")
    seen = load(LOADS["stream"], "direct", upstream.port, tmp_path, "--request", str(request), "--count", "3")
    assert seen["errors"] == 3
    assert "status 404" in seen["first_fault"]
