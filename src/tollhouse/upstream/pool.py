"""Connections kept for the next request: the one used last goes first, waiters are served in order.

A slot is the right to one connection. Whoever takes a connection holds its slot until it
keeps the connection or frees the slot, even when the connection has died meanwhile.
"""

from __future__ import annotations

import asyncio
from collections import deque

from tollhouse.domain.errors import UpstreamBusy
from tollhouse.domain.exchange import Deadlines
from tollhouse.upstream.connection import READ_BYTES, Connection
from tollhouse.upstream.dial import dial
from tollhouse.upstream.way import Way

MOST_WAITING = 1024

Handover = asyncio.Future["Connection | None"]
"""A connection that was kept, or a slot to connect in."""


class Pool:
    def __init__(
        self,
        way: Way,
        deadlines: Deadlines,
        max_connections: int,
        max_waiting: int = MOST_WAITING,
    ) -> None:
        self._way = way
        self._deadlines = deadlines
        self._max_connections = max_connections
        self._max_waiting = max_waiting
        self._idle: list[Connection] = []
        self._slots = 0
        self._scratch = memoryview(bytearray(READ_BYTES))
        self._waiting: deque[Handover] = deque()
        self._is_closed = False

    def take(self) -> Connection | None:
        """An open connection, if one is idle."""
        return self._idle.pop() if self._idle else None

    async def get(self) -> Connection:
        """Wait for a slot if need be, then for a connection: both within connect_s.

        Raises UpstreamUnreachable, of which UpstreamBusy is one.
        """
        loop = asyncio.get_running_loop()
        ends_at = loop.time() + self._deadlines.connect_s
        kept = await self._slot(ends_at)
        if kept is not None and kept.is_open:
            return kept
        try:
            return await self.renew(ends_at - loop.time())
        except BaseException:
            self.free()
            raise

    async def renew(self, within_s: float) -> Connection:
        """A fresh connection in a slot already held. Raises UpstreamUnreachable."""
        return await dial(self._way, self._make, within_s)

    def keep(self, connection: Connection) -> None:
        """Hand on an open connection with its slot."""
        if self._is_closed:
            connection.abort()
            self.free()
        elif not self._hand_over(connection):
            self._idle.append(connection)

    def free(self) -> None:
        """Hand on a slot."""
        if not self._hand_over(None):
            self._slots -= 1

    def close(self) -> None:
        """End what is idle; what is under way ends with its exchange."""
        self._is_closed = True
        for connection in tuple(self._idle):
            connection.abort()

    async def _slot(self, ends_at: float) -> Connection | None:
        if self._slots < self._max_connections:
            self._slots += 1
            return None
        if len(self._waiting) >= self._max_waiting:
            raise self._busy(f"and {self._max_waiting} wait for one")
        handover: Handover = asyncio.get_running_loop().create_future()
        self._waiting.append(handover)
        try:
            async with asyncio.timeout_at(ends_at):
                return await handover
        except BaseException as error:
            self._decline(handover)
            if isinstance(error, TimeoutError):
                raise self._busy(f"for connect_s = {self._deadlines.connect_s:g}") from None
            raise

    def _hand_over(self, connection: Connection | None) -> bool:
        while self._waiting:
            handover = self._waiting.popleft()
            if not handover.done():
                handover.set_result(connection)
                return True
        return False

    def _decline(self, handover: Handover) -> None:
        """The waiter has left; what was handed to it in that moment goes to the next."""
        if handover in self._waiting:
            self._waiting.remove(handover)
        elif not handover.cancelled():
            connection = handover.result()
            if connection is not None and connection.is_open:
                self.keep(connection)
            else:
                self.free()

    def _make(self) -> Connection:
        return Connection(self._deadlines, self._forget, self._scratch, self._way.lasts_s)

    def _forget(self, connection: Connection) -> None:
        if connection in self._idle:
            self._idle.remove(connection)
            self.free()

    def _busy(self, how: str) -> UpstreamBusy:
        most = self._max_connections
        return UpstreamBusy(
            private=f"{self._way.url.authority}: all {most} connections are busy {how}"
        )
