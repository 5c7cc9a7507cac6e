"""Opens the board that the settings ask for."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from dragoman.store.board.local import LocalBoard
from dragoman.store.ports.board import Board


@asynccontextmanager
async def open_board(url: str) -> AsyncIterator[Board]:
    """The board at a URL of Redis or Valkey, as long as the context lasts; empty: one of this process's own."""
    if not url:
        yield LocalBoard()
        return
    from dragoman.store.board.redis import open_redis
    from dragoman.store.board.safe import SafeBoard

    async with open_redis(url) as shared:
        yield SafeBoard(shared)
