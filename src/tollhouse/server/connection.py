"""One caller's connection: requests in, one after the other, and their replies out.

One task answers all requests of a connection, and is cancelled when the connection is lost:
so a hang-up is noticed in every phase, and whoever waits for an upstream learns of it at once.
There are no timers here. The door looks at all its connections now and then.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from http import HTTPStatus
from math import inf
from typing import Protocol

from tollhouse.domain.certificates import Certificate
from tollhouse.domain.errors import RequestTimedOut
from tollhouse.domain.suspicion import Sign
from tollhouse.server.clocks import Clocks
from tollhouse.server.request import Request, Requests

STATUS_LINES = {
    status.value: b"HTTP/1.1 %d %b\r\n" % (status, status.phrase.encode()) for status in HTTPStatus
}
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
CLOSE = b"connection: close\r\n"
CHUNKED = b"transfer-encoding: chunked\r\n"
LAST_CHUNK = b"0\r\n\r\n"

MOST_AHEAD = 16
"""Requests sent before the answer to the first of them. No client of ours sends more than one."""

PAUSE_ABOVE = 64 * 1024
LINGER_BYTES = 16 * 1024 * 1024
JOIN_BELOW = 4 * 1024
"""A piece of a reply this small is copied between its marks and leaves in one write."""

HIGH_WATER = 4 * 1024
NO_LINGER = struct.pack("ii", 1, 0)
READ_S = 0.05
"""For what has arrived and was not read yet, because the loop was late."""


class Keeper(Protocol):
    """Whoever has the connections: the door."""

    clocks: Clocks
    is_draining: bool
    answer: Callable[[Request, Connection], Awaitable[None]]
    suspected: Callable[[Sign], None]
    certificate_of: Callable[[ssl.SSLObject | None], Certificate | None]

    def enter(self, connection: Connection) -> bool: ...  # False: one too many, hang up
    def leave(self, connection: Connection) -> None: ...


class Connection(asyncio.Protocol):
    def __init__(self, keeper: Keeper) -> None:
        self.peer = ""
        self.certificate: Certificate | None = None
        self.is_lost = False
        self._keeper = keeper
        self.loop = asyncio.get_running_loop()
        self._transport: asyncio.Transport
        self._requests = Requests(self._begun)
        self._arrived: deque[Request] = deque()
        self._request = Request()
        self._task: asyncio.Task[None] | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._unread: asyncio.Event | None = None
        self._head = b""
        self._is_chunked = False
        self._is_answering = False
        self._has_ended = False
        """Whether the reply has: it is still being written down then."""

        self._is_paused = False
        self._is_leaving = False
        self._lingers = False
        self._left_to_linger = LINGER_BYTES
        self._since_s = self._heard_s = self.loop.time()
        self._paused_s = self._stalled_s = 0.0

    # --- called by the event loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream protocol gets a Transport
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        peer = transport.get_extra_info("peername")
        self.peer = str(peer[0]) if peer else ""
        self.certificate = self._keeper.certificate_of(transport.get_extra_info("ssl_object"))
        if not self._keeper.enter(self):
            self._transport.abort()

    def data_received(self, data: bytes) -> None:
        if self._lingers:
            self._throw_away(data)
            return
        requests = self._requests
        before = requests.current
        heard_s = self._heard_s = self.loop.time()
        requests.feed(data)
        request = requests.current
        if request is not before:
            self._since_s = heard_s
        if self._waiter is not None:
            self._wake()
        elif request is not None and request.buffered > PAUSE_ABOVE:
            self._is_paused = True  # nobody reads it yet, and perhaps nobody will
            self._paused_s = heard_s
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._stalled_s = self.loop.time()
        self._unread = asyncio.Event()

    def resume_writing(self) -> None:
        unread, self._unread = self._unread, None
        if unread is not None:
            unread.set()

    def connection_lost(self, _exc: Exception | None) -> None:
        self.is_lost = True
        self._keeper.leave(self)
        self._requests.close()
        self.resume_writing()
        if self._task is not None:
            self._task.cancel()
            self._task.add_done_callback(self._let_go)

    def _let_go(self, _task: asyncio.Task[None]) -> None:
        """A task holds what ended it, and that what it went through: us, too."""
        self._task = None

    # --- for the door ---

    def look(self, now: float) -> None:
        """End what takes too long."""
        clocks = self._keeper.clocks
        request = self._requests.current
        if self._lingers:
            if now - self._since_s > clocks.linger_s:
                self._leave()
        elif self._unread is not None:
            if now - self._stalled_s > clocks.stall_s:
                self._stalled_s = inf  # it is told once
                self._keeper.suspected(Sign.STALLING)
                self._reset()
        elif self._is_leaving:
            if now - self._since_s > clocks.stall_s:
                self._leave()
        elif request is not None:
            if not self._is_paused and (reason := clocks.overdue(request, self._times(now))):
                self._requests.fail(RequestTimedOut(reason))
                self._wake()
        elif not self._is_answering and not self._arrived:
            self._look_at_silence(now - self._since_s)

    def _look_at_silence(self, silent_s: float) -> None:
        clocks, has_asked = self._keeper.clocks, self._task is not None
        if self._keeper.is_draining:
            if silent_s > clocks.parting_s:
                self.loop.call_later(READ_S, self._part, self._heard_s)
        elif silent_s > (clocks.idle_s if has_asked else clocks.head_s):
            if not has_asked:
                self._keeper.suspected(Sign.STALLING)
            self._leave()

    def _part(self, heard_s: float) -> None:
        if self._heard_s == heard_s and not self._is_leaving:
            self._leave()

    def _reset(self) -> None:
        """Not even the system goes on offering what is not read: it would for minutes."""
        if self.is_lost:
            return
        connection = self._transport.get_extra_info("socket")
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, NO_LINGER)
        self._transport.abort()

    def end(self) -> asyncio.Task[None] | None:
        """Stop answering at once; the task that then says its last words."""
        task = self._task
        if task is None or task.done():
            self._transport.abort()
            return None
        task.cancel()
        return task

    # --- for whoever reads the body ---

    async def more(self) -> None:
        """Return when more has come of the request that is being answered, or its end."""
        if self._is_paused:
            self._is_paused = False
            self._heard_s = self.loop.time()
            self._since_s += self._heard_s - self._paused_s  # it was we who did not read
            self._transport.resume_reading()
        self._waiter = self.loop.create_future()
        await self._waiter

    def bid_continue(self) -> None:
        """The caller waits for a word before it sends the body."""
        self._transport.write(CONTINUE)

    # --- for the reply ---

    @property
    def is_stalled(self) -> bool:
        """The caller reads more slowly than we write: wait before writing more."""
        return self._unread is not None

    async def flows(self) -> None:
        """Return when the caller has read what was written, or has left."""
        if self._unread is not None:
            await self._unread.wait()

    def begin(self, status: int, headers: Sequence[tuple[bytes, bytes]], every: bytes) -> None:
        """The head of a reply, whose body has the `content-length` that it names, or comes in chunks."""
        request = self._request
        lines = [STATUS_LINES[status], every, *[b"%b: %b\r\n" % header for header in headers]]
        is_sized = b"content-length" in dict(headers)
        if not (request.is_whole and request.keeps_alive) or self._keeper.is_draining:
            request.keeps_alive = False
            lines.append(CLOSE)
        self._is_chunked = not is_sized and request.method != "HEAD" and request.version == "1.1"
        if self._is_chunked:
            lines.append(CHUNKED)
        lines.append(b"\r\n")
        if is_sized:
            self._head = b"".join(lines)  # leaves with the body, in one piece
        else:
            self._send(b"".join(lines))

    def write(self, data: bytes) -> None:
        if len(data) > JOIN_BELOW and self._is_chunked and not self._transport.is_closing():
            self._transport.writelines((b"%x\r\n" % len(data), data, b"\r\n"))
        elif data:
            self._send(self._framed(data))

    def finish(self, data: bytes) -> None:
        last = self._framed(data) if data else b""
        if self._is_chunked:
            last += LAST_CHUNK
        self._send(b"" if self._request.method == "HEAD" else last)
        self._has_ended = True

    def cut(self, last: bytes, *, is_end: bool) -> None:
        """The last words of a reply, then a close; without its end where anybody could take it for one."""
        self._request.keeps_alive = False
        ending = b"0\r\n\r\n" if is_end and self._is_chunked else b""
        self._send(self._framed(last) + ending)

    def _framed(self, data: bytes) -> bytes:
        return b"%x\r\n%b\r\n" % (len(data), data) if self._is_chunked else data

    def _send(self, data: bytes) -> None:
        if self._head:
            data, self._head = self._head + data, b""
        if data and not self._transport.is_closing():
            self._transport.write(data)

    # --- the way of a connection ---

    def _begun(self, request: Request) -> None:
        self._arrived.append(request)
        if len(self._arrived) > MOST_AHEAD:
            self._transport.abort()
        elif self._task is None:
            self._task = self.loop.create_task(self._serve())

    async def _serve(self) -> None:
        try:
            has_next = True
            while has_next:
                while not self._arrived:
                    self._waiter = self.loop.create_future()
                    await self._waiter
                request = self._request = self._arrived.popleft()
                self._is_answering, self._has_ended = True, False
                await self._keeper.answer(request, self)
                has_next = self._may_go_on(request)
            self._close()
        except asyncio.CancelledError:
            self._leave()
        except BaseException:
            self._transport.abort()
            raise

    def _may_go_on(self, request: Request) -> bool:
        """Whether there may be another request after this one, which is over."""
        self._is_answering = False
        if self._requests.current is None:  # else its clock runs already
            self._since_s = self.loop.time()
        return self._has_ended and request.keeps_alive and not self._keeper.is_draining

    def _close(self) -> None:
        """A caller that is still writing would not read an answer that a reset overtakes."""
        self._since_s = self.loop.time()
        if self._requests.current is None and not self._requests.is_over:
            self._leave()
            return
        self._lingers = True
        if self._transport.can_write_eof():
            self._transport.write_eof()
        if self._is_paused:
            self._transport.resume_reading()

    def _leave(self) -> None:
        """What was written is still sent; who does not read it even then is cut off the next time."""
        if self._is_leaving:
            self._reset()
        else:
            self._is_leaving = True
            self._transport.close()

    def _throw_away(self, data: bytes) -> None:
        self._left_to_linger -= len(data)
        if self._left_to_linger < 0:
            self._transport.abort()

    def _wake(self) -> None:
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            waiter.set_result(None)

    def _times(self, now: float) -> tuple[float, float]:
        return now - self._since_s, now - self._heard_s
