"""A gateway for the tests of its doors: on loopback, before a stand-in that speaks one dialect or another."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

from msgspec import Struct

from tests.faults.client import heard
from tests.faults.gateway import Served, channel
from tests.standin import Reply, StandIn

ASKED = "claude-asked"


class Answer(Struct, frozen=True):
    """What a client was told."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        """The body's JSON."""
        return json.loads(self.body)


def ask(
    served: Served,
    path: str,
    body: object = None,
    headers: Mapping[str, str] | None = None,
    method: str = "POST",
    hears: Callable[[], object] = lambda: None,
) -> Answer:
    """What the gateway answers; a body that is not bytes is sent as JSON. `hears` is called with each piece."""
    said = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    line = http.client.HTTPConnection("127.0.0.1", served.port, timeout=20)
    try:
        line.request(method, path, said, {"content-type": "application/json", **(headers or {})})
        told = heard(line.getresponse(), hears)
        assert told.proper, "the HTTP body did not end as it should"
        return Answer(told.status, told.headers, told.body)
    finally:
        line.close()


@contextmanager
def before(served: Served, dialect: str, *replies: Reply) -> Iterator[StandIn]:
    """A stand-in of this dialect behind the gateway."""
    with StandIn() as upstream:
        upstream.script(*replies)
        served.stand(channel("first", dialect, upstream.url))
        yield upstream
