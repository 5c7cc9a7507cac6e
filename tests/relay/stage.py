"""A stage for the relay without sockets or waiting: a scripted network, a client that keeps what it is told, and an
event loop whose clock leaps to the next timer."""

from __future__ import annotations

import asyncio
import selectors
from collections.abc import Callable, Coroutine, Mapping, Sequence
from typing import Any, TypeVar

from msgspec.structs import replace

from dragoman import assembly
from dragoman.canon.problem import Kind, Trouble, problem
from dragoman.dialects.base import Dialect
from dragoman.ledger.exchange import Exchange, Progress
from dragoman.net.transport import Answer, Call
from dragoman.providers.catalog import catalog
from dragoman.relay.allowances import Allowances
from dragoman.relay.prepare import Inquiry
from dragoman.relay.relay import Relay
from dragoman.routing.key import Key
from dragoman.routing.profile import Profile, Rule, RuleTarget
from dragoman.routing.snapshot import Channel, Snapshot, Timeouts
from dragoman.shapes.secret import Secret

T = TypeVar("T")

DIALECTS: dict[str, Dialect] = {dialect.name: dialect for dialect in assembly.DIALECTS}
HANG = -1.0
"""A pause without end."""


class LeapingLoop(asyncio.SelectorEventLoop):
    """An event loop whose clock leaps over waiting. Nothing real may be awaited in it."""

    def __init__(self) -> None:
        self._now_s = 0.0
        super().__init__(_LeapingSelector(self._leap))

    def time(self) -> float:
        """Seconds since the loop was made."""
        return self._now_s

    def _leap(self, by_s: float) -> None:
        self._now_s += by_s


class _LeapingSelector(selectors.SelectSelector):
    def __init__(self, leap: Callable[[float], None]) -> None:
        super().__init__()
        self._leap = leap

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise AssertionError("the stage waits for ever: nothing is scheduled")
        if timeout > 0:
            self._leap(timeout)
        return super().select(0)


def play(scene: Coroutine[Any, Any, T]) -> T:
    """Runs a scene in a leaping loop."""
    with asyncio.Runner(loop_factory=LeapingLoop) as runner:
        return runner.run(scene)


class ScriptedAnswer:
    """An upstream's answer: bytes, pauses in seconds, and breaks, in order."""

    def __init__(self, script: Sequence[bytes | float | Trouble], status: int = 200, **headers: str) -> None:
        self.status = status
        self.headers: Mapping[str, str] = {name.replace("_", "-"): value for name, value in headers.items()}
        self._script = list(script)
        self._aborted: asyncio.Future[None] | None = None
        self.closed = False

    async def read(self) -> bytes:
        """The next bytes of the script."""
        while self._script:
            match self._script.pop(0):
                case bytes() as data:
                    return data
                case Trouble() as trouble:
                    raise trouble
                case pause_s:
                    await self._pause(pause_s)
        return b""

    async def _pause(self, pause_s: float) -> None:
        self._aborted = asyncio.get_running_loop().create_future()
        try:
            async with asyncio.timeout(None if pause_s == HANG else pause_s):
                await self._aborted
        except TimeoutError:
            pass

    async def whole(self, limit: int = 0) -> bytes:  # noqa: ARG002 - an answer's shape
        """The rest of the script."""
        pieces = []
        while piece := await self.read():
            pieces.append(piece)
        return b"".join(pieces)

    def abort(self, why: Trouble) -> None:
        """Makes a pending pause raise."""
        if self._aborted is not None and not self._aborted.done():
            self._aborted.set_exception(why)

    def close(self) -> None:
        """Remembers that it was let go."""
        self.closed = True


class ScriptedTransport:
    """Gives out answers in order, per channel where a mapping is given, and keeps the calls; `HANG` never answers."""

    def __init__(self, answers: Mapping[str, Sequence[ScriptedAnswer | Trouble | float]]) -> None:
        self._answers = {name: list(script) for name, script in answers.items()}
        self.calls: list[Call] = []

    async def send(self, call: Call) -> Answer:
        """The next answer of the call's channel."""
        self.calls.append(call)
        answer = self._answers[call.upstream].pop(0)
        if isinstance(answer, Trouble):
            raise answer
        if isinstance(answer, ScriptedAnswer):
            return answer
        await asyncio.get_running_loop().create_future()
        raise AssertionError("what hangs goes on")


class Listener:
    """A client that keeps what it is told, and when."""

    def __init__(self) -> None:
        self.status: int | None = None
        self.headers: dict[str, str] = {}
        self.heard: list[tuple[float, bytes]] = []
        self.ended = False
        self.dropped = False

    async def start(self, status: int, headers: Mapping[str, str]) -> None:
        """Keeps status and headers."""
        assert self.status is None, "a status came twice"
        self.status, self.headers = status, dict(headers)

    async def send(self, data: bytes) -> None:
        """Keeps bytes."""
        assert self.status is not None
        assert not self.ended
        self.heard.append((asyncio.get_running_loop().time(), data))

    async def end(self, data: bytes = b"") -> None:
        """Keeps the last bytes."""
        if data:
            await self.send(data)
        assert not self.ended, "an end came twice"
        self.ended = True

    def drop(self) -> None:
        """Remembers that the line was cut."""
        self.dropped = True

    @property
    def text(self) -> str:
        """All that was heard."""
        return b"".join(data for _, data in self.heard).decode()


def channel(name: str, provider: str = "openai-compatible", **changes: Any) -> Channel:
    """A channel of a catalog row."""
    row = catalog()[provider]
    timeouts = changes.pop("timeouts", Timeouts(first_content_s=100.0, idle_s=50.0))
    return Channel(
        name=name,
        provider=provider,
        dialect=row.dialect,
        base_url="http://127.0.0.1:1/v1",
        api_key=Secret("key-of-" + name),
        native=row.native,
        habits=row.habits,
        timeouts=timeouts,
        **changes,
    )


def snapshot(*channels: Channel, model: str = "m") -> Snapshot:
    """Every name goes to all channels, in order."""
    rule = Rule(model="asked", targets=tuple(RuleTarget(channel.name, model) for channel in channels))
    return Snapshot(channels=channels, profiles=(Profile("default", (rule,)),))


class Notebook:
    """A journal that keeps what it is told."""

    def __init__(self) -> None:
        self.written: list[Exchange] = []
        self.checkpoints: list[Progress] = []

    def write(self, exchange: Exchange) -> None:
        """Keeps it."""
        self.written.append(exchange)

    def checkpoint(self, progress: Progress) -> None:
        """Keeps it."""
        self.checkpoints.append(progress)


class Album:
    """Keeps what was asked and answered; an answer is written when it is looked at, as on its way to a database."""

    def __init__(self) -> None:
        self._kept: list[tuple[bytes, Callable[[], bytes] | None]] = []

    @property
    def kept(self) -> list[tuple[bytes, bytes]]:
        """Each request with its answer."""
        return [(request, reply() if reply else b"") for request, reply in self._kept]

    def keep(self, exchange_id: str, request: bytes, reply: Callable[[], bytes] | None, wish: bool | None) -> None:  # noqa: ARG002
        """Keeps it."""
        self._kept.append((request, reply))


class Stage:
    """A relay on a scripted network, and what it recorded."""

    def __init__(
        self,
        answers: Mapping[str, Sequence[ScriptedAnswer | Trouble | float]],
        *channels: Channel,
        allowances: Allowances | None = None,
        key: Key | None = None,
    ) -> None:
        self.transport = ScriptedTransport(answers)
        self.key = key
        self.exchanges: list[Exchange] = []
        self.journal = Notebook()
        self.bodies = Album()
        self.relay = Relay(
            transport=self.transport,
            dialects=DIALECTS,
            providers=catalog(),
            snapshot=snapshot(*(channels or tuple(channel(name) for name in answers))),
            record=self.exchanges.append,
            user_agent="dragoman/test",
            journal=self.journal,
            bodies=self.bodies,
            allowances=allowances,
        )

    async def ask(self, body: bytes, door: str = "anthropic", **headers: str) -> Listener:
        """What a client hears for a body."""
        listener = Listener()
        await self.relay.answer(replace(inquiry(body, door, **headers), key=self.key), listener)
        return listener


def inquiry(body: bytes, door: str = "anthropic", **headers: str) -> Inquiry:
    """An inquiry at a door."""
    dialect = DIALECTS[door]
    named = {"x-stainless-lang": "js"} | {name.replace("_", "-"): value for name, value in headers.items()}
    return Inquiry(id="dgm_test", door=dialect, body=body, request=dialect.read_request(body), headers=named)


def refused() -> Trouble:
    """A connection that was refused."""
    return Trouble(problem(Kind.UNREACHABLE, "The provider was called but the connection was refused. Start it."))


def broken() -> Trouble:
    """A connection that broke."""
    return Trouble(problem(Kind.CUT_SHORT, "The provider was called but it broke off its answer. Try again."))
