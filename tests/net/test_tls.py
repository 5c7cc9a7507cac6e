"""Trust per channel: an authority is added to one call, and no other knows of it."""

from __future__ import annotations

import asyncio
import ssl
from pathlib import Path

import pytest

from dragoman.canon.problem import Kind, Trouble
from dragoman.net.call import Call, Tls
from dragoman.net.transport import open_transport

CERTIFICATES = Path(__file__).parents[1] / "faults" / "certificates"
AUTHORITY = str(CERTIFICATES / "authority.pem")


def said_to(*tls: Tls) -> list[bytes | Kind]:
    """What each call in turn got from one server whose authority no system knows: its answer, or a kind of problem."""

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while await reader.readuntil(b"\r\n\r\n"):
            writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok")

    async def quiet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await talk(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def scene() -> list[bytes | Kind]:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(CERTIFICATES / "good.pem")
        server = await asyncio.start_server(quiet, "127.0.0.1", 0, ssl=context)
        url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/"
        heard: list[bytes | Kind] = []
        async with open_transport({}) as transport:
            for each in tls:
                try:
                    answer = await transport.send(Call(url=url, method="GET", tls=each, upstream="up"))
                    heard.append(await answer.whole())
                    answer.close()
                except Trouble as trouble:
                    heard.append(trouble.problem.kind)
        server.close()
        await asyncio.sleep(0.05)  # lets the server's lines notice
        return heard

    return asyncio.run(scene())


def test_an_authority_is_trusted_on_its_own_channel_only() -> None:
    assert said_to(Tls(ca_bundle=AUTHORITY), Tls(), Tls(ca_bundle=AUTHORITY)) == [b"ok", Kind.TLS, b"ok"]


def test_verification_is_off_only_where_that_was_chosen() -> None:
    assert said_to(Tls(verify=False), Tls()) == [b"ok", Kind.TLS]


@pytest.mark.parametrize("path", [str(CERTIFICATES / "missing.pem"), __file__])
def test_a_bundle_that_cannot_be_used_is_told_by_its_name(path: str) -> None:
    with pytest.raises(Trouble) as caught:
        asyncio.run(_call(Tls(ca_bundle=path)))
    assert caught.value.problem.kind is Kind.TLS
    assert path in caught.value.problem.message


async def _call(tls: Tls) -> None:
    async with open_transport({}) as transport:
        server = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0)
        async with server:
            port = server.sockets[0].getsockname()[1]
            await transport.send(Call(url=f"https://127.0.0.1:{port}/", tls=tls, upstream="up"))


def test_a_password_never_shows() -> None:
    assert "secret" not in repr(Tls(key_password="secret"))
