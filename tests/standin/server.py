"""The stand-in itself: a vendor on 127.0.0.1 that says what it is told to, misbehaves on request and remembers."""

from __future__ import annotations

import asyncio
import socket
import threading
import time
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

import msgspec

from tests.standin import control
from tests.standin.acts import Act, Reset, Scene, Silence, answer, refusal
from tests.standin.anthropic_voice import ANTHROPIC
from tests.standin.ask import Ask, read_ask
from tests.standin.chat_voice import OPENAI_CHAT
from tests.standin.check_anthropic import check_anthropic
from tests.standin.check_chat import check_chat
from tests.standin.check_gemini import check_gemini
from tests.standin.check_responses import check_responses
from tests.standin.connection import Connection, Incoming, Performed
from tests.standin.faults import FAULTS, Fault
from tests.standin.gemini_voice import GEMINI
from tests.standin.gigachat_check import check_gigachat
from tests.standin.gigachat_office import Office, check_bearer
from tests.standin.gigachat_v2_check import check_gigachat_v2
from tests.standin.gigachat_v2_voice import GIGACHAT_V2
from tests.standin.gigachat_voice import GIGACHAT
from tests.standin.reply import Reply, Signer, Usage, estimate, with_ids
from tests.standin.responders import Responder, echo
from tests.standin.responses_voice import OPENAI_RESPONSES
from tests.standin.routes import Route, find_route
from tests.standin.rules import Rules
from tests.standin.shape import Shape
from tests.standin.voice import Refused, Speech, Voice

VOICES: dict[str, Voice] = {
    voice.dialect: voice for voice in (ANTHROPIC, OPENAI_CHAT, OPENAI_RESPONSES, GEMINI, GIGACHAT, GIGACHAT_V2)
}


class Seen(msgspec.Struct, kw_only=True):
    """One request that came in, and what became of it; mutable because it is written while it goes on."""

    method: str
    path: str
    query: str
    headers: list[tuple[str, str]]
    raw: bytes
    body: Any = None
    """The JSON, or None when there was none."""
    at: float
    """When it had come in whole, in seconds of the monotonic clock."""
    connection: int
    """Equal for requests on one connection."""
    answered: str = ""
    """`reply`, a fault's key, `refused`, or the name of a side route."""
    refused: str | None = None
    """Why the published schema refused it."""
    usage: Usage = Usage()
    """What was billed for it."""
    ended: bool = False
    """The answer was sent to its end."""
    over: bool = False
    """Nothing more happens to it."""
    left_after_ms: float | None = None
    """When the client hung up before the end of the answer."""

    def header(self, name: str) -> str | None:
        """The last value of a header, by its name in lower case."""
        return next((value for known, value in reversed(self.headers) if known == name), None)


class Script(msgspec.Struct, kw_only=True):
    """One entry of the queue; `left` counts down, None is for ever."""

    what: Reply | Fault
    left: int | None = 1
    when: Callable[[Ask], bool] | None = None


class StandIn:
    """A vendor for tests: `with StandIn() as s` from plain tests, `async with StandIn() as s` within a loop.

    Mutable: the queue of scripts and the record of requests are its purpose.
    """

    def __init__(
        self,
        responder: Responder = echo,
        *,
        dialects: Iterable[str] = ("anthropic", "openai_chat", "openai_responses", "gemini"),
        shape: Shape | None = None,
        rules: Rules | None = None,
        api_key: str | None = None,
        models: Iterable[str] | None = None,
        account: str = "standin",
        port: int = 0,
    ) -> None:
        self.responder = responder
        self.dialects = tuple(dialects)
        self.shape = shape or Shape()
        self.rules = rules or Rules()
        self.api_key = api_key
        self.models = None if models is None else tuple(models)
        self.signer = Signer(account)
        self.office = Office()
        """GigaChat only: tokens and files."""
        self.requests: list[Seen] = []
        """Everything that asked for a model's answer, in order of arrival."""
        self.side_requests: list[Seen] = []
        """Everything else: models, token counts, wrong paths, canary."""
        self.connections = 0
        self._queue: list[Script] = []
        self._port = port
        self._live: set[Connection] = set()

    # Telling it what to do.

    def script(self, *answers: Reply | Fault, times: int | None = 1, when: Callable[[Ask], bool] | None = None) -> None:
        """Queues answers: each for `times` requests (None: for ever), only for requests that `when` accepts."""
        self._queue += [Script(what=answer, left=times, when=when) for answer in answers]

    def fault(
        self, key: str, *, times: int | None = 1, when: Callable[[Ask], bool] | None = None, **settings: Any
    ) -> None:
        """Queues one fault by its key in FAULTS; see there and at Fault for the settings."""
        if key not in FAULTS:
            raise KeyError(key)
        self.script(Fault(key=key, **settings), times=times, when=when)

    def forget(self) -> None:
        """Empties the queue and the record."""
        self._queue.clear()
        self.requests.clear()
        self.side_requests.clear()

    # Asking what happened.

    @property
    def url(self) -> str:
        """The address without a path."""
        return f"http://127.0.0.1:{self._port}"

    @property
    def canary(self) -> list[Seen]:
        """Requests at the address that redirects point to; there should never be one."""
        return [seen for seen in self.side_requests if seen.answered == "canary"]

    @property
    def billed(self) -> Usage:
        """All usage so far."""
        return sum((seen.usage for seen in self.requests), Usage())

    def wait(self, until: Callable[[StandIn], bool], seconds: float = 5.0) -> bool:
        """Whether the condition came true in time; for tests outside the stand-in's loop."""
        end = time.monotonic() + seconds
        while not until(self):
            if time.monotonic() > end:
                return False
            time.sleep(0.005)
        return True

    async def await_(self, until: Callable[[StandIn], bool], seconds: float = 5.0) -> bool:
        """The same for tests within the loop."""
        end = time.monotonic() + seconds
        while not until(self):
            if time.monotonic() > end:
                return False
            await asyncio.sleep(0.005)
        return True

    # Living.

    async def open(self) -> None:
        """Starts to listen."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._connect, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]

    async def close(self) -> None:
        """Stops listening and hangs up on everybody."""
        self._server.close()
        for connection in self._live:
            connection.hang_up()
        await self._server.wait_closed()
        await asyncio.gather(*(connection.task for connection in self._live), return_exceptions=True)

    async def __aenter__(self) -> Self:
        await self.open()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    def __enter__(self) -> Self:
        ready = threading.Event()
        self._loop = asyncio.new_event_loop()

        def live() -> None:
            asyncio.set_event_loop(self._loop)
            self._loop.run_until_complete(self.open())
            ready.set()
            self._loop.run_forever()

        self._thread = threading.Thread(target=live, name="standin", daemon=True)
        self._thread.start()
        if not ready.wait(10):
            raise RuntimeError("the stand-in could not listen; is its port taken?")
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        asyncio.run_coroutine_threadsafe(self.close(), self._loop).result(10)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._loop.close()

    # Serving.

    def _connect(self) -> Connection:
        self.connections += 1
        number = self.connections

        async def serve(connection: Connection, incoming: Incoming) -> None:
            self._live.add(connection)
            await self._serve(connection, incoming, number)

        connection = Connection(serve, self._greeting)
        self._live = {each for each in self._live if not each.left.is_set()} | {connection}
        return connection

    def _greeting(self) -> list[Act] | None:
        """What happens to a new connection before its first request, if the queue's head says so."""
        head = self._queue[0] if self._queue else None
        if head is None or not isinstance(head.what, Fault) or FAULTS[head.what.key].stage != "connect":
            return None
        self._spend(head)
        return [Silence()] if head.what.key == "F06" else [Reset()]

    async def _serve(self, connection: Connection, incoming: Incoming, number: int) -> None:
        path, _, query = incoming.target.decode("latin-1").partition("?")
        seen = Seen(
            method=incoming.method,
            path=path,
            query=query,
            headers=incoming.headers,
            raw=bytes(incoming.body),
            body=_json(incoming.body),
            at=time.monotonic(),
            connection=number,
        )
        route = find_route(incoming.method, path, query, dict(incoming.headers), self.dialects)
        (self.requests if route.kind == "answer" else self.side_requests).append(seen)
        performed = Performed()
        try:
            await connection.perform(self._acts(route, seen), performed)
        finally:
            seen.ended = performed.ended
            seen.over = True
            if connection.left.is_set() and not performed.ended:
                seen.usage = _partly(seen.usage, performed.model_bytes)
                if not connection.hung_up:
                    seen.left_after_ms = (time.monotonic() - seen.at) * 1000

    def _acts(self, route: Route, seen: Seen) -> Iterable[Act]:
        if route.kind != "answer":
            seen.answered = route.kind
            return control.side_acts(self, route, seen, VOICES)
        scene = self._scene(route, seen, Reply())
        try:
            self._check(route, seen)
        except Refused as no:
            seen.answered, seen.refused = "refused", no.message
            return refusal(scene, no.status, no.message, code=no.code, param=no.param)
        ask = scene.speech.ask
        what = self._next(ask)
        reply = what if isinstance(what, Reply) else what.reply if what and what.reply else self.responder(ask)
        scene = self._scene(route, seen, reply)
        seen.usage = scene.speech.usage
        if not isinstance(what, Fault):
            seen.answered = "reply"
            return answer(scene)
        seen.answered = what.key
        row = FAULTS[what.key]
        if row.status is not None:
            seen.usage = Usage()
        return row.act(msgspec.structs.replace(scene, value=what.value, after=what.after, wait_s=what.wait_s))

    def _scene(self, route: Route, seen: Seen, reply: Reply) -> Scene:
        voice = VOICES[route.dialect]
        ask = read_ask(route.dialect, seen.body, len(seen.raw))
        if route.deployment and not ask.model:
            ask = msgspec.structs.replace(ask, model=route.deployment, stream=ask.stream or route.stream)
        number = str(len(self.requests))
        speech = Speech(
            ask=ask,
            reply=with_ids(reply, voice.call_prefix, str(len(ask.turns))),
            usage=reply.usage or estimate(reply, len(seen.raw)),
            shape=reply.shape or self.shape,
            signer=self.signer,
            id=f"{voice.message_prefix}standin{number}",
        )
        return Scene(
            speech=speech,
            voice=voice,
            accepts_gzip="gzip" in (seen.header("accept-encoding") or ""),
            canary=f"{self.url}/_standin/canary",
        )

    def _check(self, route: Route, seen: Seen) -> None:
        """Everything that the vendor looks at before the model does; raises Refused."""
        if route.dialect.startswith("gigachat"):
            check_bearer(self, seen)
            if self.rules.simultaneous and sum(not each.over for each in self.requests) > self.rules.simultaneous:
                raise Refused("Too many requests", None, 429)
        else:
            control.check_key(self.api_key, route.dialect, seen)
        body = seen.body
        if not isinstance(body, dict):
            raise Refused("We could not parse the JSON body of your request.")
        model = body.get("model") or route.deployment
        if self.models is not None and model not in self.models:
            words = "No such model" if route.dialect.startswith("gigachat") else f"The model `{model}` does not exist"
            raise Refused(words, "model", 404)
        if route.dialect == "anthropic":
            check_anthropic(body, dict(seen.headers), self.rules, self.signer)
        elif route.dialect == "gemini":
            check_gemini(body, self.rules, self.signer)
        elif route.dialect == "gigachat":
            check_gigachat(body, self.rules, self.signer, self.office.files)
        elif route.dialect == "gigachat_v2":
            check_gigachat_v2(body, self.rules, self.signer, self.office.files)
        elif route.dialect == "openai_responses":
            check_responses(body, self.rules, self.signer)
        else:
            check_chat(body | ({"model": model} if model else {}), self.rules)

    def _next(self, ask: Ask) -> Reply | Fault | None:
        """The first queued answer that fits this request, or None for the responder's."""
        for script in self._queue:
            if script.when is None or script.when(ask):
                self._spend(script)
                return script.what
        return None

    def _spend(self, script: Script) -> None:
        if script.left is not None:
            script.left -= 1
            if script.left <= 0:
                self._queue.remove(script)


class refusing:  # noqa: N801 - used as a function: `with refusing() as url`
    """F01: an address whose port is taken but not listened at, so that every connection is refused."""

    def __enter__(self) -> str:
        self._socket = socket.socket()
        self._socket.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}"

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()


def _json(raw: bytearray) -> Any:
    try:
        return msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return None


def _partly(usage: Usage, model_bytes: int) -> Usage:
    """What a vendor bills for an answer that was broken off: all input, output as far as it was sent."""
    output = min(usage.output, model_bytes // 40)
    return msgspec.structs.replace(usage, output=output, thinking=min(usage.thinking, output))
