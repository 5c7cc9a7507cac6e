"""The board of several replicas: counters in Redis or Valkey, and news by its channels.

Theory: each counter is a hash with what was `used`, where it counts by steps what was used in each (`s:` and when it
began), and by request (`h:` and its id) what is held and until when the hold lapses. The scripts below look at all
counters of a request and change them in one step, so that replicas cannot overtake each other. A replica renews its
holds; those of one that is gone lapse, its places among running requests within seconds.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple

from dragoman.ledger.period import step_ms
from dragoman.store.board.counting import SLIDING_MS, by_step, counted_in, faded, since_of, step_of, wait_ms
from dragoman.store.ports.board import Full, Held, Hold, Unknown

if TYPE_CHECKING:
    from redis.asyncio import Redis

PREFIX = "dragoman:"
NEWS = PREFIX + "news"
"""One channel for all topics: its listeners are the replicas."""
TIMEOUT_S = 2.0
"""After which a line to Redis is given up; what a request waits for is shorter (`safe`)."""
LINES = 8
"""To Redis at most: it does one thing after another, and each new line costs it and us several turns."""
LAPSE_MS = 60_000
PLACE_LAPSE_MS = 10_000
"""The same of a place, which somebody may be waiting for."""
RENEW_S = 3.0
RENEWED = 200
"""Requests whose holds are renewed by one message."""
KEPT_MS = 40 * 24 * 3600 * 1000
"""A counter that nobody has used for this long is forgotten: the ledger still knows."""

HOLD = """
local now, id = tonumber(ARGV[1]), ARGV[2]
local unknown, seen, steps = {}, nil, {}
for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * 7
  local amount, limit, begins = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3]
  local past_key, past_share, since = ARGV[at + 4], tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  if begins == '1' then redis.call('HSETNX', key, 'used', 0) end
  local fields = redis.call('HGETALL', key)
  local used, held, mine = nil, 0, {}
  for f = 1, #fields, 2 do
    local kind, step = string.sub(fields[f], 1, 2), tonumber(string.sub(fields[f], 3))
    if fields[f] == 'used' then
      used = (used or 0) + tonumber(fields[f + 1])
    elseif kind == 's:' and step < since then
      redis.call('HDEL', key, fields[f])
    elseif kind == 's:' then
      used = (used or 0) + tonumber(fields[f + 1])
      mine[#mine + 1] = fields[f] .. '=' .. fields[f + 1]
    else
      local size, until_ms = string.match(fields[f + 1], '^(%d+):(%d+)$')
      if tonumber(until_ms) <= now then redis.call('HDEL', key, fields[f]) else held = held + tonumber(size) end
    end
  end
  if redis.call('HEXISTS', key, 'used') == 0 then
    unknown[#unknown + 1] = i
  else
    local past = 0
    if past_key ~= '' then past = tonumber(redis.call('HGET', past_key, 'used') or '0') end
    local total = used + held + math.floor(past * past_share)
    if total + amount > limit and not (held == 0 and total < limit) and not seen then
      seen, steps = {i, total, past}, mine
    end
  end
end
if #unknown > 0 then return {'unknown', unknown} end
if seen then return {'full', seen, steps} end
for i, key in ipairs(KEYS) do
  local at = 2 + (i - 1) * 7
  redis.call('HSET', key, 'h:' .. id, string.format('%d:%d', tonumber(ARGV[at + 1]), now + tonumber(ARGV[at + 7])))
  redis.call('PEXPIRE', key, ARGV[#ARGV])
end
return {'held'}
"""
SETTLE = """
for i, key in ipairs(KEYS) do
  local count, field = ARGV[i * 2], ARGV[i * 2 + 1]
  redis.call('HDEL', key, 'h:' .. ARGV[1])
  if count ~= '' and redis.call('HEXISTS', key, 'used') == 1 then redis.call('HINCRBY', key, field, count) end
end
"""
RENEW = """
for i, key in ipairs(KEYS) do
  local held = redis.call('HGET', key, 'h:' .. ARGV[1])
  if held then redis.call('HSET', key, 'h:' .. ARGV[1], string.match(held, '^%d+') .. ':' .. ARGV[i + 1]) end
end
"""
BEGIN = """
if redis.call('HEXISTS', KEYS[1], 'used') == 1 then return end
for i = 2, #ARGV, 2 do redis.call('HSET', KEYS[1], ARGV[i], ARGV[i + 1]) end
redis.call('PEXPIRE', KEYS[1], ARGV[1])
"""


class _Taken(NamedTuple):
    hold: Hold
    key: str
    field: str
    """Of the hash: where what was used is counted."""

    @property
    def lapse_ms(self) -> int:
        """For how long it is held unless it is renewed."""
        return PLACE_LAPSE_MS if self.hold.span == "now" else LAPSE_MS


@asynccontextmanager
async def open_redis(url: str) -> AsyncIterator[RedisBoard]:
    """A board on the server at `redis://…` or `valkey://…`, connected when it is first used."""
    from redis.asyncio import BlockingConnectionPool, Redis

    plain = "redis" + url.removeprefix("valkey") if url.startswith("valkey") else url
    limits = {"socket_timeout": TIMEOUT_S, "socket_connect_timeout": TIMEOUT_S, "decode_responses": True}
    pool = BlockingConnectionPool.from_url(plain, max_connections=LINES, timeout=TIMEOUT_S, **limits)
    client = Redis.from_pool(pool)
    listener = Redis.from_url(plain, socket_connect_timeout=TIMEOUT_S)
    board = RedisBoard(client, listener)
    renewal = asyncio.create_task(board.renew())
    try:
        yield board
    finally:
        renewal.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await renewal
        await client.aclose()
        await listener.aclose()


class RedisBoard:
    """Counts on a server. Unlike a `Board` it raises what the client raises. Mutable: it knows its own holds."""

    shared = True

    def __init__(self, client: Redis, listener: Redis) -> None:
        self._client = client
        self._listener = listener
        self._hold = client.register_script(HOLD)
        self._settle = client.register_script(SETTLE)
        self._renew = client.register_script(RENEW)
        self._begin = client.register_script(BEGIN)
        self._taken: dict[str, list[_Taken]] = {}

    async def hold(self, id: str, holds: Sequence[Hold], now_ms: int) -> Held | Full | Unknown:  # noqa: A002
        """`Board.hold`."""
        taken = [_Taken(hold, _key(hold, now_ms), _field(hold, now_ms)) for hold in holds]
        arguments: list[Any] = [now_ms, id]
        for one in taken:
            arguments += _wanted(one, now_ms)
        word, *rest = await self._hold(keys=[one.key for one in taken], args=[*arguments, KEPT_MS])
        if word == "unknown":
            return Unknown(tuple(holds[int(place) - 1] for place in rest[0]))
        if word == "full":
            place, used, past = (int(number) for number in rest[0])
            steps = {int(start): int(count) for start, _, count in (told[2:].partition("=") for told in rest[1])}
            hold = holds[place - 1]
            return Full(hold=hold, used=used, wait_ms=wait_ms(hold, used, past, steps, now_ms))
        self._taken[id] = taken
        return Held()

    async def settle(self, id: str, used: Mapping[str, int]) -> None:  # noqa: A002
        """`Board.settle`."""
        taken = self._taken.pop(id, [])
        if taken:
            counts = [("" if one.hold.span == "now" else used.get(one.hold.name, ""), one.field) for one in taken]
            await self._settle(keys=[one.key for one in taken], args=[id, *chain.from_iterable(counts)])

    async def renew(self) -> None:
        """Renews what is held here, for as long as it runs; what the server does not take is tried again."""
        while True:
            await asyncio.sleep(RENEW_S)
            with contextlib.suppress(Exception):
                await self.renew_all(int(time.time() * 1000))

    async def renew_all(self, now_ms: int) -> None:
        """Renews what is held here, many by one message."""
        held = list(self._taken.items())
        for at in range(0, len(held), RENEWED):
            async with self._client.pipeline(transaction=False) as line:
                for request, taken in held[at : at + RENEWED]:
                    until = [now_ms + one.lapse_ms for one in taken]
                    await self._renew(keys=[one.key for one in taken], args=[request, *until], client=line)
                await line.execute()

    async def begin(self, hold: Hold, used: Mapping[int, int], now_ms: int) -> None:
        """`Board.begin`."""
        fields = {"used": 0}
        for step, count in by_step(hold, used, now_ms).items():
            fields[_named(hold, step)] = count
        arguments: list[Any] = [KEPT_MS, *chain.from_iterable(fields.items())]
        await self._begin(keys=[_key(hold, now_ms)], args=arguments)

    async def forget(self, names: Sequence[str]) -> None:
        """`Board.forget`."""
        for name in names:
            await self._delete(f"{_quoted(name)}|*")

    async def wipe(self) -> None:
        """Nothing is known of any allowance any more."""
        await self._delete("*")

    async def _delete(self, pattern: str) -> None:
        if keys := [key async for key in self._client.scan_iter(match=PREFIX + pattern, count=1000)]:
            await self._client.delete(*keys)

    async def tell(self, topic: str, news: bytes) -> None:
        """`Board.tell`; the teller hears it too."""
        await self._client.publish(NEWS, topic.encode() + b"\n" + news)

    async def heard(self) -> AsyncGenerator[tuple[str, bytes], None]:
        """`Board.heard`."""
        async with self._listener.pubsub() as subscription:
            await subscription.subscribe(NEWS)
            async for message in subscription.listen():
                if message["type"] == "message":
                    topic, _, news = message["data"].partition(b"\n")
                    yield topic.decode(), news

    async def replicas(self) -> int:
        """How many replicas listen, this one included."""
        [(_, listeners)] = await self._client.pubsub_numsub(NEWS)
        return max(1, int(listeners))


def _wanted(taken: _Taken, now_ms: int) -> list[Any]:
    """What the script is told of one allowance."""
    hold = taken.hold
    begins = "1" if hold.span in ("now", "sliding") else ""
    past_key, share = "", 0.0
    if hold.span == "sliding":
        past_key = _key(hold, now_ms - SLIDING_MS)
        share = faded(SLIDING_MS, counted_in(hold, now_ms), now_ms) / SLIDING_MS
    return [hold.amount, hold.limit, begins, past_key, share, since_of(hold, now_ms), taken.lapse_ms]


def _key(hold: Hold, now_ms: int) -> str:
    return f"{PREFIX}{hold.name}|{hold.span}|{hold.zone}|{counted_in(hold, now_ms).start_ms}"


def _field(hold: Hold, now_ms: int) -> str:
    """The field that counts what is used now."""
    return _named(hold, step_of(hold, now_ms))


def _named(hold: Hold, step: int) -> str:
    """The field of a step."""
    return f"s:{step}" if step_ms(hold.span) else "used"


def _quoted(name: str) -> str:
    """A name in which no character stands for others, as patterns of keys have them."""
    return "".join(f"\\{character}" if character in "*?[]^\\" else character for character in name)
