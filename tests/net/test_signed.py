"""Tokens that must be fetched: one fetch for all who wait, in time, and once more where one was refused."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

import pytest

from dragoman.canon.problem import Kind, Trouble, refuse
from dragoman.net.call import Answer, Call
from dragoman.net.signed import Signed
from dragoman.providers.tokens import Account, Credential, Token, TokenCall, TokenSource


class Said:
    """A whole answer."""

    def __init__(self, status: int, body: bytes = b"") -> None:
        self.status = status
        self.headers: Mapping[str, str] = {}
        self._body = body

    async def read(self) -> bytes:
        """The body, once."""
        body, self._body = self._body, b""
        return body

    async def whole(self, limit: int = 0) -> bytes:  # noqa: ARG002 - an answer's shape
        """The body."""
        return await self.read()

    def abort(self, why: Trouble) -> None:
        """Nothing to abort."""

    def close(self) -> None:
        """Nothing to close."""


class Office:
    """A network with a token office that numbers its tokens, and an upstream that takes only the newest."""

    def __init__(self, *, refuses: int = 0) -> None:
        self.fetched = 0
        self.bearers: list[str] = []
        self._refuses = refuses

    async def send(self, call: Call) -> Answer:
        """An answer after a turn of the loop."""
        await asyncio.sleep(0)
        if call.url == "office":
            self.fetched += 1
            return Said(200, b"token-%d" % self.fetched)
        self.bearers.append(call.headers["authorization"])
        if self._refuses:
            self._refuses -= 1
            return Said(401)
        return Said(200)


def read(status: int, _: Mapping[str, str], body: bytes, now_ms: int) -> Token:
    """A token that lives until half an hour after the epoch."""
    if status != 200:
        raise refuse(Kind.UPSTREAM_CREDENTIAL, "The provider was asked for a token but gave none. Check the key.")
    return Token(body.decode(), 1_800_000 * int(body.partition(b"-")[2]))


SOURCE = TokenSource(
    ready=lambda _: None, ask=lambda account, *_: TokenCall("office", {}, account.secret.encode()), read=read
)
CALL = Call(url="chat", upstream="giga", credential=Credential(SOURCE, Account("secret")))


def test_f102_two_hundred_who_wait_cause_one_fetch() -> None:
    office = Office()

    async def crowd() -> None:
        signed = Signed(office, lambda: 0)
        await asyncio.gather(*(signed.send(CALL) for _ in range(200)))

    asyncio.run(crowd())

    assert office.fetched == 1
    assert office.bearers == ["Bearer token-1"] * 200


def test_f104_a_token_is_renewed_a_minute_before_it_ends() -> None:
    office, clock = Office(), [0]

    async def ask_at(*moments_ms: int) -> None:
        signed = Signed(office, lambda: clock[0])
        for moment_ms in moments_ms:
            clock[0] = moment_ms
            await signed.send(CALL)

    asyncio.run(ask_at(0, 1_739_000, 1_740_000))

    assert office.bearers == ["Bearer token-1", "Bearer token-1", "Bearer token-2"]


def test_f104_a_refused_token_is_fetched_anew_once() -> None:
    office = Office(refuses=1)

    assert asyncio.run(Signed(office, lambda: 0).send(CALL)).status == 200
    assert office.bearers == ["Bearer token-1", "Bearer token-2"]


def test_a_key_that_is_refused_for_good_is_not_asked_for_ever() -> None:
    office = Office(refuses=9)

    assert asyncio.run(Signed(office, lambda: 0).send(CALL)).status == 401
    assert office.fetched == 2


def test_a_fetch_goes_on_when_the_first_to_ask_leaves() -> None:
    office = Office()

    async def leave_first() -> None:
        signed = Signed(office, lambda: 0)
        first = asyncio.ensure_future(signed.send(CALL))
        second = asyncio.ensure_future(signed.send(CALL))
        await asyncio.sleep(0)
        first.cancel()
        assert (await second).status == 200
        with pytest.raises(asyncio.CancelledError):
            await first

    asyncio.run(leave_first())

    assert office.fetched == 1


def test_neither_account_nor_token_shows_its_secret() -> None:
    assert "secret" not in repr(CALL.credential.account if CALL.credential else "")
    assert "text" not in repr(Token("text", 1))


def test_a_refusal_never_quotes_the_token() -> None:
    class Gossip(Office):
        """An upstream that quotes what it was sent. Mutable, as its base is."""

        async def send(self, call: Call) -> Answer:
            """The token, or a refusal that holds it."""
            if call.url == "office":
                return await super().send(call)
            return Said(403, f"not for {call.headers['authorization']}".encode())

    async def scene() -> bytes:
        answer = await Signed(Gossip(), lambda: 0).send(CALL)
        return await answer.whole()

    assert asyncio.run(scene()) == b"not for Bearer ***"
