"""Attaches tokens that must be fetched: once for all who wait, early enough, and once more where one was refused."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import Callable

from msgspec.structs import replace

from dragoman.canon.problem import Trouble
from dragoman.net.call import ANSWER_LIMIT, ERROR_LIMIT, Answer, Call, Transport
from dragoman.net.rsa import body_of
from dragoman.providers.tokens import Credential, Token

STARS = b"***"
HELD = 1000
"""Tokens that are held at most; the oldest are those of accounts that have changed since."""


def unix_ms() -> int:
    """Now, in milliseconds of Unix time."""
    return int(time.time() * 1000)


class Signed:
    """A transport over another. Mutable: it holds the tokens by account, and the refresh tokens that were given
    instead of the configured ones. See `call.Transport`.

    A fetch that is under way serves everyone who comes meanwhile (F102), and goes on when the first to ask leaves.
    """

    def __init__(self, inner: Transport, now_ms: Callable[[], int] = unix_ms) -> None:
        self._inner = inner
        self._now_ms = now_ms
        self._held: dict[str, Token] = {}
        self._coming: dict[str, asyncio.Task[Token]] = {}
        self._refresh: dict[str, str] = {}

    async def send(self, call: Call) -> Answer:
        """The answer to the call, with its token where it needs one. Raises `Trouble`, that of the fetch too."""
        credential = call.credential
        if credential is None:
            return await self._inner.send(call)
        if ready := credential.source.ready(credential.account):
            return await self._asked(call, ready)
        token = await self._token(call, credential, refused="")
        answer = await self._asked(call, token)
        if answer.status != 401:
            return answer
        answer.close()
        return await self._asked(call, await self._token(call, credential, refused=token.text))

    async def _asked(self, call: Call, token: Token) -> Answer:
        answer = await self._inner.send(_bearing(call, token))
        return Starred(answer, token.text) if answer.status >= 400 and token.text else answer

    async def _token(self, call: Call, credential: Credential, refused: str) -> Token:
        """A token with time left, and not the one just refused."""
        name = f"{call.upstream} {credential.mark}"
        held = self._held.get(name)
        if held and held.text != refused and held.is_fresh(self._now_ms()):
            return held
        coming = self._coming.get(name)
        if coming is None:
            coming = self._coming[name] = asyncio.create_task(self._fetch(call, credential, name))
            coming.add_done_callback(lambda _: self._coming.pop(name, None))
        return await asyncio.shield(coming)

    async def _fetch(self, call: Call, credential: Credential, name: str) -> Token:
        account = credential.account
        if later := self._refresh.get(name):
            account = replace(account, options={**account.options, "refresh_token": later})
        asked = credential.source.ask(account, str(uuid.uuid4()), self._now_ms())
        answer = await self._inner.send(
            replace(
                call, method=asked.method, url=asked.url, headers=asked.headers, body=body_of(asked), credential=None
            )
        )
        try:
            body = await answer.whole(ERROR_LIMIT)
        finally:
            answer.close()
        token = credential.source.read(answer.status, answer.headers, body, self._now_ms())
        self._held[name] = token
        if token.refresh:
            self._refresh[name] = token.refresh
        for known in (self._held, self._refresh):
            if len(known) > HELD:
                del known[next(iter(known))]
        return token


class Starred:
    """A refusal without the token that it may quote: nobody else knows that secret. See `call.Answer`."""

    def __init__(self, answer: Answer, token: str) -> None:
        self._answer = answer
        self._token = token.encode()
        self.status = answer.status
        self.headers = answer.headers

    async def read(self) -> bytes:
        """See `Answer`."""
        return (await self._answer.read()).replace(self._token, STARS)

    async def whole(self, limit: int = ANSWER_LIMIT) -> bytes:
        """See `Answer`."""
        return (await self._answer.whole(limit)).replace(self._token, STARS)

    def abort(self, why: Trouble) -> None:
        """See `Answer`."""
        self._answer.abort(why)

    def close(self) -> None:
        """See `Answer`."""
        self._answer.close()


def _bearing(call: Call, token: Token) -> Call:
    bearer = {"authorization": f"Bearer {token.text}"} if token.text else {}
    return replace(call, headers={**call.headers, **bearer}, credential=None)
