"""The interface of the room: a call goes out, an answer is read as it arrives.

Rules: redirects are never followed, cookies never kept, credentials never logged. Whatever goes wrong comes out as
a `Trouble` whose problem names the phase. Limits on the whole (first content, idle) are the caller's, who may
`abort` an answer from a timer; the limit on connecting is the call's.
"""

from __future__ import annotations

import socket
from collections.abc import Mapping
from typing import Any, Protocol

from msgspec import Struct, field

from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.net.within import Reach
from dragoman.providers.tokens import Credential

ANSWER_LIMIT = 64 * 1024 * 1024
"""Bytes of a whole answer, unpacked (F44)."""
ERROR_LIMIT = 256 * 1024
"""Bytes of an error answer that are read."""


WATCH = {"TCP_KEEPIDLE": 30, "TCP_KEEPINTVL": 30, "TCP_KEEPCNT": 4, "TCP_USER_TIMEOUT": 150_000}
"""Options of a watched connection: seconds, seconds, probes; and milliseconds that sent bytes may go unconfirmed."""


PEM = "-----BEGIN"
"""How the text of a certificate begins (RFC 7468, read 2026-11-20), by which it is told from a path."""


class Tls(Struct, frozen=True, kw_only=True):
    """What differs from the system's trust. Paths are absolute."""

    ca_bundle: str = ""
    """Authorities that are trusted beside the system's, on this channel only: a PEM file, or the PEM text itself."""
    certificate: str = ""
    """PEM file with the certificate that we present (mTLS)."""
    key: str = ""
    """PEM file with its key, where it is not in the same file."""
    key_password: str = ""
    verify: bool = True
    """False accepts any certificate: only by explicit choice, for tests on one's own network."""

    def __repr__(self) -> str:
        bundle = named_bundle(self.ca_bundle)
        return f"Tls(ca_bundle={bundle!r}, certificate={self.certificate!r}, verify={self.verify})"


def named_bundle(bundle: str) -> str:
    """How a bundle is called in messages: by its path, or as text that somebody gave."""
    return "the text of ca_bundle" if bundle.startswith(PEM) else bundle


SYSTEM = Tls()
"""Trusts what the system trusts, and presents nothing."""


class Call(Struct, frozen=True, kw_only=True):
    """One HTTP request, described before it is sent."""

    method: str = "POST"
    url: str
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    connect_s: float = 5.0
    """Limit on name look-up, connection and TLS together."""
    proxy: str | None = None
    """Address of an HTTP proxy; None: the environment's, where it has one; empty: none, whatever that says."""
    named_proxy: bool = False
    """Whether an admin has named the proxy, who may choose where it stands; else it is held to `reach`."""
    tls: Tls = SYSTEM
    credential: Credential | None = None
    """How to get the token it must bear; see `net.signed`."""
    upstream: str = ""
    """Name of the channel, for messages."""
    reach: Reach = "anywhere"
    """Which addresses it may connect to; see `net.within`."""
    keepalive: bool = True
    """Whether the connection may be one that is kept, and be kept."""


class Answer(Protocol):
    """An answer whose headers have come."""

    status: int
    headers: Mapping[str, str]
    """By lower-case name."""

    async def read(self) -> bytes:
        """The bytes that have arrived since, at least one; empty at the proper end. Raises `Trouble`."""

    async def whole(self, limit: int = ANSWER_LIMIT) -> bytes:
        """The whole body. Raises `Trouble`, also past the limit."""

    def abort(self, why: Trouble) -> None:
        """Makes a pending or later `read` raise `why` and closes the connection."""

    def close(self) -> None:
        """Lets go: the connection is kept if the answer was read to its end, else closed at once."""


class Transport(Protocol):
    """Sends calls."""

    async def send(self, call: Call) -> Answer:
        """The answer, once its headers have come. Raises `Trouble` (unreachable, timeout, tls, cut_short, garbled)."""


def out_of_reach(upstream: str, found: str) -> Trouble:
    """A call was not made, for its address is not to be connected to."""
    return trouble(Kind.UNREACHABLE, upstream, found, "Correct its address, or let an admin make the channel private.")


def trouble(kind: Kind, upstream: str, found: str, remedy: str, evidence: str = "") -> Trouble:
    """What went wrong with a call, in our words."""
    return Trouble(problem(kind, f"The provider '{upstream}' was called but {found}. {remedy}", evidence=evidence))


async def whole_of(answer: Answer, limit: int, upstream: str) -> bytes:
    """All that is still to be read. Raises `Trouble`, also past the limit."""
    pieces: list[bytes] = []
    size = 0
    while piece := await answer.read():
        size += len(piece)
        if size > limit:
            much = trouble(Kind.GARBLED, upstream, f"sent more than {limit} bytes", "Ask for a smaller answer.")
            answer.abort(much)
            raise much
        pieces.append(piece)
    return pieces[0] if len(pieces) == 1 else b"".join(pieces)


def watchful_socket(address: tuple[Any, ...]) -> socket.socket:
    """A socket for a connection to come, watched."""
    family, kind, protocol = address[:3]
    made = socket.socket(family, kind, protocol)
    made.setblocking(False)
    watch(made)
    return made


def watch(line: socket.socket) -> None:
    """Has the system find out within 150 s that a peer has vanished, silent or not (F55, F64).

    What a listener accepts is watched like itself.
    """
    line.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in WATCH.items():
        if hasattr(socket, name):
            line.setsockopt(socket.IPPROTO_TCP, getattr(socket, name), value)
