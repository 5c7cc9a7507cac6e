"""Requests that are too large, too slow, packed, broken, hostile or merely repeated (F65 to F74)."""

from __future__ import annotations

import gzip
import json
import socket
import zlib
from typing import Any

import pytest

from dragoman.web.edge import Edge
from tests.faults.client import DOORS, PAIRS, PATHS, Told, ask, body_for, look
from tests.faults.gateway import ASKED, Served, channel
from tests.faults.oracle import claim_word, error_in
from tests.faults.raw import head, leave, line, posted, request, to_the_end, until
from tests.faults.vendor import Vendor

MIB = 1024 * 1024


class HastyEdge(Edge):
    """An edge that waits two hurried seconds for a head or a body."""

    head_s = 2.0
    body_s = 2.0


def ask_with(gateway: Served, door: str, body: bytes, **headers: str) -> Told:
    """What a client is told for this body."""
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return ask(gateway.port, door, stream=False, body=body, headers=named)


def claim_refused(door: str, told: Told, vendor: Vendor, *words: str, status: int = 400) -> None:
    """Refused in the door's own words, for good, before anything was asked."""
    assert told.status == status, told
    error = error_in(door, told.body)
    claim_word(door, status, error)
    assert all(word in error["message"] for word in words), error["message"]
    assert told.headers["x-should-retry"] == "false"
    assert told.headers["request-id"].startswith("dgm_")
    assert vendor.calls == 0


@pytest.mark.parametrize("part", ["head", "body"])
def test_f65_what_comes_too_slowly_is_not_waited_for(part: str) -> None:
    with Served(edge=HastyEdge) as gateway, Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        with line(gateway.port) as client:
            client.sendall(request("anthropic")[: 40 if part == "head" else -10])
            assert to_the_end(client).startswith(b"HTTP/1.1 408 ")
        assert (vendor.calls, gateway.exchanges) == (0, 0)


@pytest.mark.parametrize("door", DOORS)
def test_f66_a_body_announced_too_large_is_refused_before_it_comes(gateway: Served, door: str) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        with line(gateway.port) as client:
            client.sendall(head(door, content_length=str(33 * MIB)))
            told = until(client, b"}")
        assert told.startswith(b"HTTP/1.1 413 ")
        assert vendor.calls == 0


@pytest.mark.parametrize("door", DOORS)
def test_f66_a_body_that_grows_too_large_is_refused_while_it_comes(gateway: Served, door: str) -> None:
    piece = b"%x\r\n%b\r\n" % (MIB, b" " * MIB)
    with Vendor() as vendor, line(gateway.port) as client:
        gateway.stand(channel("only", "anthropic", vendor.url))
        client.sendall(head(door, transfer_encoding="chunked"))
        for _ in range(34):
            client.sendall(piece)
        assert until(client, b"}").startswith(b"HTTP/1.1 413 ")
        with pytest.raises(OSError, match=r"(?i)pipe|reset"):
            client.sendall(piece * 64)
        assert vendor.calls == 0


@pytest.mark.slow
@pytest.mark.parametrize("upstream", DOORS)
def test_f66_a_body_of_just_under_the_limit_is_answered(gateway: Served, upstream: str) -> None:
    body = body_for("anthropic", stream=True, messages=[{"role": "user", "content": "word " * (6 * MIB)}])
    with Vendor() as vendor:
        gateway.stand(channel("only", upstream, vendor.url))
        told = ask(gateway.port, "anthropic", stream=True, body=json.dumps(body).encode())
        assert told.status == 200, told.body[:500]
        assert len(vendor.requests[0].raw) > 30 * MIB


@pytest.mark.parametrize("door", DOORS)
def test_f67_a_body_shorter_than_announced_reaches_nobody(gateway: Served, door: str) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        with line(gateway.port) as client:
            client.sendall(request(door)[:-10])
            client.shutdown(socket.SHUT_WR)
            assert b"HTTP/1.1 200" not in to_the_end(client)
        assert ask(gateway.port, door, stream=True).status == 200
        assert gateway.exchange().status == 200
        assert (vendor.calls, gateway.exchanges) == (1, 0)


@pytest.mark.parametrize("door", DOORS)
def test_f67_chunks_that_never_end_reach_nobody(door: str) -> None:
    with Served(edge=HastyEdge) as gateway, Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        with line(gateway.port) as client:
            client.sendall(head(door, transfer_encoding="chunked") + b"5\r\n{    \r\n")
            assert b" 408 " in to_the_end(client)
        assert vendor.calls == 0


@pytest.mark.parametrize("door", DOORS)
def test_f68_a_compressed_bomb_is_refused_at_the_limit(gateway: Served, door: str) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        told = ask_with(gateway, door, gzip.compress(b" " * 64 * MIB), content_encoding="gzip")
        claim_refused(door, told, vendor, "32 MiB", status=413)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize(
    ("encoding", "body", "status"), [("br", b"\x0b", 415), ("zstd", b"(\xb5/\xfd", 415), ("gzip", b"{}", 400)]
)
def test_f68_what_cannot_be_unpacked_is_refused(
    gateway: Served, door: str, encoding: str, body: bytes, status: int
) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        told = ask_with(gateway, door, body, content_encoding=encoding)
        claim_refused(door, told, vendor, encoding, "uncompressed", status=status)


@pytest.mark.parametrize("encoding", ["gzip", "deflate", "x-gzip", "identity", "GZIP"])
def test_a_packed_request_is_unpacked(gateway: Served, encoding: str) -> None:
    plain = json.dumps(body_for("anthropic", stream=False)).encode()
    packed = {"deflate": zlib.compress(plain), "identity": plain}.get(encoding, gzip.compress(plain))
    with Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        told = ask_with(gateway, "anthropic", packed, content_encoding=encoding)
        assert told.status == 200, told.body
        assert json.loads(vendor.requests[0].raw)["messages"] == json.loads(plain)["messages"]
        assert "content-encoding" not in dict(vendor.requests[0].headers)


def spliced(door: str, member: str, value: bytes) -> bytes:
    """An ordinary body with one more member at its end, as raw JSON."""
    return json.dumps(body_for(door, stream=False)).encode()[:-1] + b', "%b": %b}' % (member.encode(), value)


BROKEN: dict[str, tuple[str, bytes]] = {
    "deep lists": ("deep", b"[" * 100_000 + b"]" * 100_000),
    "deep objects": ("deep", b'{"a":' * 100_000 + b"1" + b"}" * 100_000),
    "a level too many": ("deep", b"[" * 128 + b"]" * 128),
    "a level too many amid texts": ("deep", b'["]", {"}": ' * 64 + b'"\\"["' + b"}]" * 64),
    "lists without end": ("deep", b"[" * 100_000),
    "not a number": ("temperature", b"NaN"),
    "infinity": ("temperature", b"-Infinity"),
    "a huge integer": ("max_tokens", b"9" * 400),
    "a huge exponent": ("max_tokens", b"1e400"),
    "model twice": ("model", b'"other"'),
    "messages twice": ("messages", b"[]"),
    "not a number below": ("metadata", b'{"a": [NaN]}'),
    "a comment": ("deep", b"1 /* no */"),
    "a trailing comma": ("deep", b"[1,]"),
}
"""F69: a member that is added to an ordinary body."""
UNHEARD_OF = {
    "openai_responses": {"messages twice", "a huge integer", "a huge exponent"},
    "gemini": {"model twice", "messages twice", "a huge integer", "a huge exponent"},
}
"""Those whose member another door does not know, so that it is one more that passes."""


@pytest.mark.parametrize("name", BROKEN)
@pytest.mark.parametrize(("door", "upstream"), PAIRS)
def test_f69_json_that_is_none_or_a_trap_is_refused_at_the_door(
    gateway: Served, door: str, upstream: str, name: str
) -> None:
    if name in UNHEARD_OF.get(door, ()):
        return
    with Vendor() as vendor:
        gateway.stand(channel("only", upstream, vendor.url))
        claim_refused(door, ask_with(gateway, door, spliced(door, *BROKEN[name])), vendor)


def test_f69_a_member_that_comes_twice_is_named(gateway: Served) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        claim_refused(
            "anthropic", ask_with(gateway, "anthropic", spliced("anthropic", *BROKEN["model twice"])), vendor, "model"
        )


@pytest.mark.parametrize("body", [b"", b" ", b"[]", b"null", b'"text"', b"{", b"{}", b"\xef\xbb\xbf{}", b"model=x"])
@pytest.mark.parametrize("door", DOORS)
def test_f69_a_body_that_is_no_request_is_refused_at_the_door(gateway: Served, door: str, body: bytes) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        claim_refused(door, ask_with(gateway, door, body), vendor)


@pytest.mark.parametrize(("door", "upstream"), PAIRS)
def test_f70_bytes_that_are_not_utf8_are_refused_and_their_place_is_told(
    gateway: Served, door: str, upstream: str
) -> None:
    body = json.dumps(body_for(door, stream=False)).encode()
    place = body.index(b"Say three")
    with Vendor() as vendor:
        gateway.stand(channel("only", upstream, vendor.url))
        told = ask_with(gateway, door, body[:place] + b"\xff" + body[place:])
        claim_refused(door, told, vendor, str(place))


ODD_TEXTS = {"half a pair": '"a \\ud83d b"', "another half": '"a \\ude00 b"', "NUL": '"a \\u0000 b"'}


@pytest.mark.parametrize("name", ODD_TEXTS)
@pytest.mark.parametrize(("door", "upstream"), PAIRS)
def test_f70_odd_but_legal_text_reaches_the_model(gateway: Served, door: str, upstream: str, name: str) -> None:
    body = json.dumps(body_for(door, stream=True)).replace('"Say three numbers."', ODD_TEXTS[name]).encode()
    with Vendor() as vendor:
        gateway.stand(channel("only", upstream, vendor.url))
        told = ask(gateway.port, door, stream=True, body=body)
        said = vendor.requests[0].raw
        if door == upstream:
            assert ODD_TEXTS[name].encode() in said, "verbatim is verbatim, whatever the vendor says to it"
            return
        assert told.status == 200, told.body
        if name != "NUL":
            assert b"\\ud" not in said.lower()
            assert "\ufffd".encode() in said or b"\\ufffd" in said.lower()


@pytest.mark.parametrize("door", DOORS)
def test_f72_each_repetition_is_an_exchange_of_its_own(gateway: Served, door: str) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        for number in range(11):
            told = ask(gateway.port, door, stream=True, headers={"x-stainless-retry-count": str(number)})
            assert told.status == 200
        assert vendor.calls == 11
        assert len({gateway.exchange().id for _ in range(11)}) == 11


@pytest.mark.parametrize("door", DOORS)
def test_f73_an_unknown_model_is_refused_with_names_that_are_near(gateway: Served, door: str) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        body = json.dumps(body_for(door, stream=True, model="claude-askde")).encode()
        path = PATHS[door][True].replace(ASKED, "claude-askde")
        told = ask(gateway.port, door, stream=True, body=body, path=path)
        assert told.status == 404
        error = error_in(door, told.body)
        assert "claude-askde" in error["message"]
        assert ASKED in error["message"]
        claim_word(door, 404, error)
        assert told.headers["x-should-retry"] == "false"
        assert vendor.calls == 0
        assert gateway.exchange().attempts == ()


@pytest.mark.parametrize(("door", "upstream"), PAIRS)
def test_f73_an_unknown_member_is_forwarded_or_told_as_lost(gateway: Served, door: str, upstream: str) -> None:
    body = json.dumps(body_for(door, stream=True, novelty={"of": "tomorrow"})).encode()
    with Vendor() as vendor:
        vendor.rules = vendor.rules.__class__(strict=False)
        gateway.stand(channel("only", upstream, vendor.url))
        told = ask(gateway.port, door, stream=True, body=body)
        assert told.status == 200, told.body
        forwarded = b"novelty" in vendor.requests[0].raw
        lost = "novelty" in told.headers.get("x-dragoman-losses", "")
        assert forwarded != lost, "neither sent nor told"
        assert forwarded == (door == upstream)


PROBES: list[tuple[str, str, dict[str, str]]] = [
    ("HEAD", "/", {}),
    ("HEAD", "/api/hello", {}),
    ("GET", "/api/hello", {}),
    ("GET", "/v1/models", {}),
    ("GET", "/v1/models?limit=1000", {"anthropic-version": "2023-06-01"}),
    ("POST", "/api/event_logging/batch", {"content-length": "0"}),
    ("GET", "/livez", {}),
    ("GET", "/readyz", {}),
    ("GET", "/health", {}),
]


@pytest.mark.parametrize(("method", "path", "headers"), PROBES, ids=[f"{method} {path}" for method, path, _ in PROBES])
def test_f74_a_probe_is_answered_without_any_upstream(
    gateway: Served, method: str, path: str, headers: dict[str, str]
) -> None:
    with Vendor() as vendor:
        gateway.stand(channel("only", "anthropic", vendor.url))
        told = look(gateway.port, path, method, headers)
        assert told.status == 200, told
        assert (vendor.calls, vendor.side_requests, gateway.exchanges) == (0, [], 0)


@pytest.mark.parametrize(
    ("path", "status"), [("/", 405), ("/v1", 404), ("/v1/messages", 405), ("/nowhere", 404), ("/v1/messages/", 404)]
)
def test_f74_what_is_no_route_is_told_so_without_a_redirect(gateway: Served, path: str, status: int) -> None:
    told = look(gateway.port, path, "PUT")
    assert told.status == status
    assert "location" not in told.headers


@pytest.mark.parametrize("upstream", DOORS)
def test_f74_tokens_are_counted_without_a_model(gateway: Served, upstream: str) -> None:
    body: dict[str, Any] = body_for("anthropic", stream=False)
    del body["stream"], body["max_tokens"]
    said = json.dumps(body).encode()
    with Vendor() as vendor, line(gateway.port) as client:
        gateway.stand(channel("only", upstream, vendor.url))
        client.sendall(posted("anthropic", said).replace(b"/v1/messages ", b"/v1/messages/count_tokens ", 1))
        told = until(client, b"}")
        assert told.startswith(b"HTTP/1.1 200 ")
        assert b"input_tokens" in told
        assert vendor.calls == 0
        leave(client)
