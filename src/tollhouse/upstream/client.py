"""Requests to one origin, and their answers.

Nothing is followed, decoded, remembered or taken from the environment: what comes back
is what that origin said.
"""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from types import TracebackType

from tollhouse.domain.errors import UpstreamBroke, UpstreamUnreachable
from tollhouse.domain.exchange import Deadlines, Sending
from tollhouse.upstream.connection import Connection
from tollhouse.upstream.pool import Pool
from tollhouse.upstream.request import Heads
from tollhouse.upstream.response import Response
from tollhouse.upstream.way import Way


class HttpUpstream:
    """One origin. Connects on demand; nothing happens at construction."""

    def __init__(
        self,
        way: Way,
        *,
        deadlines: Deadlines,
        max_connections: int = 512,
        max_body_bytes: int | None = None,
        keep_alive_s: float = 60.0,
    ) -> None:
        self.heads = Heads(way.url.authority.encode())
        self.base_path = way.url.path.rstrip("/")
        self.deadlines = deadlines
        self.max_body_bytes = max_body_bytes
        self.keep_alive_s = keep_alive_s
        self.pool = Pool(way, deadlines, max_connections)

    def send(self, sending: Sending) -> Exchange:
        """The answer's status and headers on entering; leaving before its end hangs up.

        Entering raises UpstreamUnreachable only if nothing was sent.
        """
        return Exchange(self, sending)

    async def aclose(self) -> None:
        self.pool.close()
        await asyncio.sleep(0)  # the event loop ends aborted connections in its next round


class Exchange:
    """A request and its answer. From `is_sent` on, the upstream may have worked for us."""

    __slots__ = (
        "_connection",
        "_response",
        "_sending",
        "_upstream",
        "headers",
        "is_sent",
        "status",
    )

    def __init__(self, upstream: HttpUpstream, sending: Sending) -> None:
        self.status = 0
        self.headers: Mapping[bytes, bytes] = {}
        self.is_sent = False
        self._upstream = upstream
        self._sending = sending
        self._connection: Connection | None = None
        self._response = Response(upstream.max_body_bytes)

    async def __aenter__(self) -> Exchange:
        upstream = self._upstream
        head = upstream.heads.head(self._sending)
        whole_at = asyncio.get_running_loop().time() + upstream.deadlines.whole_s
        connection = self._connection = upstream.pool.take() or await upstream.pool.get()
        try:
            if not await self._ask(connection, head, whole_at):
                await self._ask(await self._fresh(), head, whole_at)
        except BaseException:
            self._leave()
            raise
        self.status = self._response.status
        self.headers = self._response.headers
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._leave()

    async def read(self) -> bytes:
        """The next bytes, all that have arrived; b"" at the end. Raises UpstreamBroke, UpstreamTimeout."""
        response, connection = self._response, self._connection
        if connection is None:
            raise RuntimeError("an answer is read before it is left")
        while not response.buffered:
            if response.is_complete:
                return b""
            await connection.more()
        data = response.take()
        connection.resume()
        return data

    async def _ask(self, connection: Connection, head: bytes, whole_at: float) -> bool:
        """Wait for the answer's head. False if a kept connection had been closed by the upstream."""
        response = self._response
        self.is_sent = True
        body = self._sending.body
        try:
            if isinstance(body, bytes):
                connection.send(head, body, response, whole_at)
            else:
                connection.send(head, b"", response, whole_at)
                await connection.pour(body.pieces())
            while not response.has_head:
                await connection.more()
        except UpstreamBroke:
            if connection.was_stale():
                return False
            raise
        return True

    async def _fresh(self) -> Connection:
        upstream = self._upstream
        try:
            self._connection = await upstream.pool.renew(upstream.deadlines.connect_s)
        except UpstreamUnreachable as error:
            raise UpstreamBroke(private=f"a kept connection died, then {error.private}") from error
        return self._connection

    def _leave(self) -> None:
        connection, self._connection = self._connection, None
        if connection is None:
            return
        if connection.rest(self._upstream.keep_alive_s):
            self._upstream.pool.keep(connection)
        else:
            connection.abort()
            self._upstream.pool.free()
        self._response.close()
