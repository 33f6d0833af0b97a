"""uvicorn's HTTP/1.1 protocol, with what a gateway needs beside it.

A hang-up is noticed in every phase: the task that answers a request is cancelled when its
connection is lost, so whoever waits for an upstream learns of it at once. And replies are
written here, in one piece where they are whole, without the checks that only foreign
applications need. No type of the framework is seen past this file.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import (
    STATUS_LINE,
    HttpToolsProtocol,
    RequestResponseCycle,
)

CLOSE = b"connection: close\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
LAST_CHUNK = b"0\r\n\r\n"


class Connection(HttpToolsProtocol):
    _answering: asyncio.Task[Any] | None = None
    _cycle: RequestResponseCycle
    """Of the request that is being answered; uvicorn's own `cycle` is the last one that arrived."""

    _is_chunked = False

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        cycle.scope["state"]["connection"] = self
        self._cycle = cycle
        self._answering = task = self.loop.create_task(cycle.run_asgi(app))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    def connection_lost(self, exc: Exception | None) -> None:
        is_answered = self._answering is None or _is_over(self._cycle)
        super().connection_lost(exc)
        if self._answering is not None and not is_answered:
            self._answering.cancel()
        self._answering = None

    @property
    def is_lost(self) -> bool:
        return self.parser is None

    def has_whole_body(self) -> bool:
        return not self._cycle.more_body

    async def begin(self, status: int, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """The head of a reply, whose body has the `content-length` that it names, or comes in chunks."""
        cycle = self._cycle
        await self._drained()
        if cycle.disconnected:
            return
        cycle.response_started = True
        cycle.waiting_for_100_continue = False
        lines = [STATUS_LINE[status], *(b"%b: %b\r\n" % header for header in headers)]
        names = [name for name, _ in headers]
        if b"connection" in names:
            cycle.keep_alive = False
        elif not cycle.keep_alive:
            lines.append(CLOSE)
        self._is_chunked = b"content-length" not in names and cycle.scope["method"] != "HEAD"
        if self._is_chunked:
            lines.append(CHUNKED)
        lines.append(b"\r\n")
        self.transport.write(b"".join(lines))

    async def write(self, data: bytes) -> None:
        await self._drained()
        if data and not self._cycle.disconnected:
            self.transport.write(self._framed(data))

    async def end(self, data: bytes) -> None:
        await self._drained()
        cycle = self._cycle
        if cycle.disconnected:
            return
        last = self._framed(data) if data else b""
        if self._is_chunked:
            last += LAST_CHUNK
        if last and cycle.scope["method"] != "HEAD":
            self.transport.write(last)
        cycle.response_complete = True
        cycle.message_event.set()
        if not cycle.keep_alive:
            self.transport.close()
        cycle.on_response()

    def cut(self, last: bytes) -> None:
        """The last words of a reply, then a close without its end, so that nobody takes it for one."""
        if not self.transport.is_closing():
            self.transport.write(self._framed(last))
            self.transport.close()
        self._cycle.disconnected = True

    def _framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data

    async def _drained(self) -> None:
        if self.flow.write_paused:
            await self.flow.drain()


def _is_over(cycle: RequestResponseCycle) -> bool:
    return cycle.response_complete or cycle.disconnected
