"""The reply on its way out, and its sign of life in long silences."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from tollhouse.ports import LastWords
from tollhouse.server.connection import Connection

Header = tuple[bytes, bytes]


class WireReply:
    """Implements Reply. `every` are the header lines that every answer bears."""

    __slots__ = (
        "_clock_ns",
        "_connection",
        "_every",
        "_loop",
        "_timer",
        "_wrote_at_s",
        "first_byte_ns",
        "is_started",
        "last_words",
    )

    def __init__(self, connection: Connection, every: bytes, clock_ns: Callable[[], int]) -> None:
        self.is_started = False
        self.last_words: LastWords | None = None
        self.first_byte_ns: int | None = None
        self._connection = connection
        self._every = every
        self._clock_ns = clock_ns
        self._loop = connection.loop
        self._wrote_at_s = 0.0
        self._timer: asyncio.TimerHandle | None = None

    @property
    def is_gone(self) -> bool:
        return self._connection.is_lost

    def bear(self, headers: Sequence[Header]) -> None:
        self._every += b"".join([b"%b: %b\r\n" % header for header in headers])

    async def start(self, status: int, headers: Sequence[Header]) -> None:
        self._start(status, headers)

    async def write(self, chunk: bytes) -> None:
        self._mark()
        connection = self._connection
        connection.write(chunk)
        if connection.is_stalled:
            await connection.flows()

    async def end(self, chunk: bytes = b"") -> None:
        self.close()
        self._mark()
        connection = self._connection
        connection.finish(chunk)
        if connection.is_stalled:
            await connection.flows()

    def cut(self, chunk: bytes, *, is_end: bool = False) -> None:
        self.close()
        self._connection.cut(chunk, is_end=is_end)

    def keep_alive(self, comment: bytes, headers: Sequence[Header], silence_s: float) -> None:
        """Send the comment whenever nothing was written for that long, before the first byte too.

        There is always room for it: a relay writes whole events only.
        """
        self._timer = self._loop.call_later(silence_s, self._live, comment, headers, silence_s)

    def close(self) -> None:
        """Stop the signs of life."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _live(self, comment: bytes, headers: Sequence[Header], silence_s: float) -> None:
        loop = self._loop
        if loop.time() >= self._wrote_at_s + silence_s:
            if not self._connection.is_stalled:  # who reads that slowly is not waiting
                self._start(200, headers)
                self._connection.write(comment)
            self._wrote_at_s = loop.time()
        due_s = self._wrote_at_s + silence_s
        self._timer = loop.call_at(due_s, self._live, comment, headers, silence_s)

    def _start(self, status: int, headers: Sequence[Header]) -> None:
        if not self.is_started:  # else a sign of life went out before
            self.is_started = True
            self._connection.begin(status, headers, self._every)

    def _mark(self) -> None:
        self._wrote_at_s = self._loop.time()
        if self.first_byte_ns is None:
            self.first_byte_ns = self._clock_ns()
