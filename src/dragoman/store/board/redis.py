"""The board of several replicas: counters in Redis or Valkey, and news by its channels.

Theory: each counter is a hash with what was `used` and, by request, what is held and until when the hold lapses. The
scripts below look at all counters of a request and change them in one step, so that replicas cannot overtake each
other. A replica renews its holds; those of one that is gone lapse.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

from dragoman.store.board.counting import SLIDING_MS, counted_in, faded, wait_ms
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
RENEW_S = 20.0
KEPT_MS = 40 * 24 * 3600 * 1000
"""A counter that nobody has used for this long is forgotten: the ledger still knows."""

HOLD = """
local now, lapse, id = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3]
local unknown, seen = {}, {}
for i, key in ipairs(KEYS) do
  local at = 3 + (i - 1) * 5
  local amount, limit, begins = tonumber(ARGV[at + 1]), tonumber(ARGV[at + 2]), ARGV[at + 3]
  local past_key, past_share = ARGV[at + 4], tonumber(ARGV[at + 5])
  if begins == '1' then redis.call('HSETNX', key, 'used', 0) end
  local fields = redis.call('HGETALL', key)
  local used, held = nil, 0
  for f = 1, #fields, 2 do
    if fields[f] == 'used' then
      used = tonumber(fields[f + 1])
    else
      local size, until_ms = string.match(fields[f + 1], '^(%d+):(%d+)$')
      if tonumber(until_ms) <= now then redis.call('HDEL', key, fields[f]) else held = held + tonumber(size) end
    end
  end
  if used == nil then
    unknown[#unknown + 1] = i
  else
    local past = 0
    if past_key ~= '' then past = tonumber(redis.call('HGET', past_key, 'used') or '0') end
    local total = used + held + math.floor(past * past_share)
    if total + amount > limit and not (held == 0 and total < limit) then seen = seen[1] and seen or {i, total, past} end
  end
end
if #unknown > 0 then return {'unknown', unknown} end
if seen[1] then return {'full', seen} end
for i, key in ipairs(KEYS) do
  redis.call('HSET', key, 'h:' .. id, string.format('%d:%d', tonumber(ARGV[3 + (i - 1) * 5 + 1]), now + lapse))
  redis.call('PEXPIRE', key, ARGV[#ARGV])
end
return {'held'}
"""
SETTLE = """
for i, key in ipairs(KEYS) do
  redis.call('HDEL', key, 'h:' .. ARGV[1])
  if ARGV[i + 1] ~= '' and redis.call('HEXISTS', key, 'used') == 1 then
    redis.call('HINCRBY', key, 'used', ARGV[i + 1])
  end
end
"""
RENEW = """
for i, key in ipairs(KEYS) do
  local held = redis.call('HGET', key, 'h:' .. ARGV[1])
  if held then redis.call('HSET', key, 'h:' .. ARGV[1], string.match(held, '^%d+') .. ':' .. ARGV[2]) end
end
"""


class _Taken(NamedTuple):
    hold: Hold
    key: str


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

    def __init__(self, client: Redis, listener: Redis) -> None:
        self._client = client
        self._listener = listener
        self._hold = client.register_script(HOLD)
        self._settle = client.register_script(SETTLE)
        self._renew = client.register_script(RENEW)
        self._taken: dict[str, list[_Taken]] = {}

    async def hold(self, id: str, holds: Sequence[Hold], now_ms: int) -> Held | Full | Unknown:  # noqa: A002
        """`Board.hold`."""
        taken = [_Taken(hold, _key(hold, now_ms)) for hold in holds]
        arguments: list[Any] = [now_ms, LAPSE_MS, id]
        for hold in holds:
            counted = counted_in(hold.span, now_ms)
            slides = hold.span == "sliding"
            past_key = _key(hold, now_ms - SLIDING_MS) if slides else ""
            begins = "1" if hold.span in ("now", "sliding") else ""
            share = faded(SLIDING_MS, counted, now_ms) / SLIDING_MS if slides else 0
            arguments += [hold.amount, hold.limit, begins, past_key, share]
        word, *rest = await self._hold(keys=[key for _, key in taken], args=[*arguments, KEPT_MS])
        if word == "unknown":
            return Unknown(tuple(holds[int(place) - 1] for place in rest[0]))
        if word == "full":
            place, used, past = (int(number) for number in rest[0])
            hold = holds[place - 1]
            counted = counted_in(hold.span, now_ms)
            return Full(hold=hold, used=used, wait_ms=wait_ms(hold, used, past, counted, now_ms))
        self._taken[id] = taken
        return Held()

    async def settle(self, id: str, used: Mapping[str, int]) -> None:  # noqa: A002
        """`Board.settle`."""
        taken = self._taken.pop(id, [])
        if taken:
            counts = ["" if hold.span == "now" else used.get(hold.name, "") for hold, _ in taken]
            await self._settle(keys=[key for _, key in taken], args=[id, *counts])

    async def renew(self) -> None:
        """Renews what is held here, for as long as it runs; what the server does not take is tried again."""
        while True:
            await asyncio.sleep(RENEW_S)
            for request, taken in list(self._taken.items()):
                with contextlib.suppress(Exception):
                    until_ms = int(time.time() * 1000) + LAPSE_MS
                    await self._renew(keys=[key for _, key in taken], args=[request, until_ms])

    async def begin(self, hold: Hold, used: int, now_ms: int) -> None:
        """`Board.begin`."""
        key = _key(hold, now_ms)
        await self._client.hsetnx(key, "used", str(used))
        await self._client.pexpire(key, KEPT_MS)

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


def _key(hold: Hold, now_ms: int) -> str:
    return f"{PREFIX}{hold.name}|{hold.span}|{counted_in(hold.span, now_ms).start_ms}"


def _quoted(name: str) -> str:
    """A name in which no character stands for others, as patterns of keys have them."""
    return "".join(f"\\{character}" if character in "*?[]^\\" else character for character in name)
