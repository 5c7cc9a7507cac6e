"""A whole gateway in this process, on real sockets, before a vendor that Anthropic's SDK does not know.

Beside the stand-in there is a vendor that only repeats itself: whatever is asked, it sends the bytes it was given.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from dragoman.providers.catalog import catalog
from dragoman.routing.snapshot import Channel
from dragoman.shapes.secret import Secret
from tests.clients.vendors import GIGACHAT_KEY
from tests.faults.gateway import ASKED, PATIENT

__all__ = ["ASKED", "Repeater", "channel", "repeating"]

PATHS = {"gemini": "", "gigachat": "/api/v1"}
"""What stands before the endpoints of a vendor, after the address of a stand-in."""


def channel(vendor: str, url: str, **changes: Any) -> Channel:
    """The channel of a vendor's row, at this address."""
    row = catalog()[vendor]
    options = {"auth_url": f"{url}/api/v2/oauth"} if row.token else {}
    return Channel(
        name=vendor,
        provider=row.id,
        dialect=row.dialect,
        base_url=url + PATHS[vendor],
        api_key=Secret(GIGACHAT_KEY),
        native=row.native,
        **{"habits": row.habits, "options": options, "timeouts": PATIENT, **changes},
    )


class Repeater:
    """What is sent for an answer, and how often it was. Mutable: each scene gives it other bytes."""

    def __init__(self) -> None:
        self.url = ""
        self.body = b""
        self.kind = "text/event-stream"
        self.slice = 0
        """Bytes of one write; 0: all at once."""
        self.asked = 0

    def pieces(self) -> Iterator[bytes]:
        """The bytes, write by write."""
        size = self.slice or len(self.body) or 1
        for start in range(0, len(self.body), size):
            yield self.body[start : start + size]


@contextmanager
def repeating() -> Iterator[Repeater]:
    """A repeater that listens, until the context ends."""
    repeater = Repeater()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            self.rfile.read(int(self.headers.get("content-length", 0)))
            if self.path.endswith("/oauth"):
                self._send("application/json", [json.dumps({"access_token": "t", "expires_at": 0}).encode()])
                return
            repeater.asked += 1
            self._send(repeater.kind, repeater.pieces())

        def _send(self, kind: str, pieces: Any) -> None:
            self.send_response(200)
            self.send_header("content-type", kind)
            self.send_header("transfer-encoding", "chunked")
            self.end_headers()
            for piece in pieces:
                self.wfile.write(b"%x\r\n%b\r\n" % (len(piece), piece))
            self.wfile.write(b"0\r\n\r\n")

        def log_message(self, *_: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        repeater.url = f"http://127.0.0.1:{server.server_address[1]}"
        yield repeater
        server.shutdown()
        thread.join()
