"""The reply on its way out, and its sign of life in long silences."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from tollhouse.server.protocol import Connection

Header = tuple[bytes, bytes]


class WireReply:
    """Implements Reply. `every` are the headers that every answer bears."""

    def __init__(
        self,
        connection: Connection,
        every: Sequence[Header],
        clock_ns: Callable[[], int],
    ) -> None:
        self.is_started = False
        self.first_byte_ns: int | None = None
        self._connection = connection
        self._every = every
        self._clock_ns = clock_ns
        self._loop_time = asyncio.get_running_loop().time
        self._wrote_at_s = 0.0
        self._timer: asyncio.TimerHandle | None = None
        self._speaking: asyncio.Task[None] | None = None

    @property
    def is_gone(self) -> bool:
        return self._connection.is_lost

    async def start(self, status: int, headers: Sequence[Header]) -> None:
        if self.is_started:  # a sign of life went out before
            return
        self.is_started = True
        await self._connection.begin(status, [*headers, *self._every])

    async def write(self, chunk: bytes) -> None:
        self._mark()
        await self._connection.write(chunk)

    async def end(self, chunk: bytes = b"") -> None:
        self.close()
        self._mark()
        await self._connection.end(chunk)

    def cut(self, chunk: bytes) -> None:
        self.close()
        self._connection.cut(chunk)

    def keep_alive(self, comment: bytes, headers: Sequence[Header], silence_s: float) -> None:
        """Send the comment whenever nothing was written for that long, before the first byte too.

        There is always room for it: a relay writes whole events only.
        """

        def look() -> None:
            if loop.time() >= self._wrote_at_s + silence_s and not self.is_gone:
                self._speaking = loop.create_task(self._speak(comment, headers))
                self._wrote_at_s = loop.time()
            self._timer = loop.call_at(self._wrote_at_s + silence_s, look)

        loop = asyncio.get_running_loop()
        self._wrote_at_s = loop.time()
        self._timer = loop.call_later(silence_s, look)

    def close(self) -> None:
        """Stop the signs of life."""
        if self._timer is not None:
            self._timer.cancel()
        if self._speaking is not None:
            self._speaking.cancel()

    async def _speak(self, comment: bytes, headers: Sequence[Header]) -> None:
        await self.start(200, headers)
        await self._connection.write(comment)

    def _mark(self) -> None:
        self._wrote_at_s = self._loop_time()
        if self.first_byte_ns is None:
            self.first_byte_ns = self._clock_ns()
