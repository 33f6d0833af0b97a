"""Notice that something a request is decided on has changed, whoever changed it.

A signal says when to look, and the revision says whether to act: a signal that is lost costs
at most the time between two looks.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

from tollhouse.storage.postgres_connections import translated

CHANNEL = "tollhouse_changed"
POLL_S = 2.0
LONGEST_BACKOFF_S = 5.0

_REVISION = "SELECT value FROM control WHERE name = 'revision'"


class Changes:
    """Listens on a connection of its own, made when first asked and again when it was lost."""

    def __init__(self, connect: Callable[[], Awaitable[Any]], *, deadline_s: float) -> None:
        self._connect = connect
        self._deadline_s = deadline_s
        self._connection: Any = None
        self._seen: int | None = None
        self._signal = asyncio.Event()
        self._failures = 0

    async def next(self) -> None:
        """Return when the revision has moved since the last return, and the first time at once."""
        if self._failures:
            await asyncio.sleep(self._backoff_s())
        while (revision := await self._revision()) == self._seen:
            await self._signal_or_poll()
        self._seen = revision

    def close(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.terminate()

    async def _revision(self) -> int:
        self._signal.clear()  # before the look: a signal that comes during it counts
        try:
            async with translated(), asyncio.timeout(self._deadline_s):
                if self._connection is None or self._connection.is_closed():
                    await self._listen()
                revision = await self._connection.fetchval(_REVISION)
        except BaseException:
            self.close()
            self._failures += 1
            raise
        self._failures = 0
        return int(revision)

    async def _listen(self) -> None:
        self.close()
        self._connection = await self._connect()
        self._connection.add_termination_listener(lambda _: self._signal.set())
        await self._connection.add_listener(CHANNEL, lambda *_: self._signal.set())

    async def _signal_or_poll(self) -> None:
        try:
            async with asyncio.timeout(POLL_S):
                await self._signal.wait()
        except TimeoutError:
            return

    def _backoff_s(self) -> float:
        return float(min(0.1 * 2**self._failures, LONGEST_BACKOFF_S))
