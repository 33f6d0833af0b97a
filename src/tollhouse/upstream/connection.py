"""One connection to an upstream: its clocks, its brakes, and the answer under way.

There is one timer per connection. Deadlines move far more often than they pass, so moving
one later is an assignment: the timer looks when it rings, and goes back to sleep.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from tollhouse.domain.errors import Failure, UpstreamBroke, UpstreamTimeout
from tollhouse.domain.exchange import Deadlines
from tollhouse.upstream.response import Response

JOIN_BELOW = 64 * 1024
"""A body this small is copied behind its head and leaves in one write."""

READ_BYTES = 8 * 1024
"""Read at one time. Callers who stop reading leave about six times as much with us, each."""

PAUSE_ABOVE = 8 * 1024
STALE_S = 1.0
"""A kept connection that dies sooner than this had been closed before we wrote; one that dies
later had taken the request, and to ask again could cost twice."""

RING_SLACK_S = 0.001
NEVER = float("inf")


class Connection(asyncio.BufferedProtocol):
    """`when_gone` is called once, when the connection has ended or is being ended.

    What arrives is read into `scratch`, which all connections share: it is used up before the
    next one reads. After `lasts_s` it carries no further request.
    """

    __slots__ = (
        "_deadlines",
        "_due",
        "_ends_at",
        "_first_by",
        "_is_full",
        "_is_paused",
        "_loop",
        "_owes",
        "_problem",
        "_response",
        "_rings_at",
        "_scratch",
        "_sent_at",
        "_timer",
        "_transport",
        "_waiter",
        "_when_gone",
        "_whole_at",
        "is_open",
        "is_used",
    )

    def __init__(
        self,
        deadlines: Deadlines,
        when_gone: Callable[[Connection], None],
        scratch: memoryview,
        lasts_s: float = NEVER,
    ) -> None:
        self.is_open = False
        self.is_used = False
        self._sent_at = self._first_by = 0.0
        self._deadlines = deadlines
        self._when_gone = when_gone
        self._scratch = scratch
        self._loop = asyncio.get_running_loop()
        self._ends_at = self._loop.time() + lasts_s
        self._transport: asyncio.Transport | None = None
        self._response: Response | None = None
        self._problem: Failure | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._is_paused = False
        self._is_full = False
        self._owes = False
        """Whether some of the request has still to be written."""

        self._timer: asyncio.TimerHandle | None = None
        self._rings_at = NEVER
        self._due = NEVER
        self._whole_at = NEVER

    # --- for the exchange ---

    def send(self, head: bytes, body: bytes, response: Response, whole_at: float) -> None:
        """Write a request, and let `response` read what comes back."""
        transport = self._transport
        if transport is None:
            raise RuntimeError("not connected")
        self._response = response
        self._whole_at = self._due = whole_at
        self._sent_at = self._loop.time()
        self._first_by = self._sent_at + self._deadlines.first_byte_s
        if len(body) < JOIN_BELOW:
            transport.write(head + body)
        else:
            transport.write(head)
            transport.write(body)

    async def pour(self, pieces: AsyncIterator[bytes]) -> None:
        """Write the body of what was sent, as fast as it is taken.

        Who answers before all of it was heard has heard enough.
        """
        response, transport = self._response, self._transport
        self._owes = True
        async for piece in pieces:
            if transport is None or response is None or response.has_head or not self.is_open:
                return
            transport.write(piece)
            while self._is_stuck(response):
                await self._room()
        self._owes = False
        self._first_by = self._loop.time() + self._deadlines.first_byte_s

    def _is_stuck(self, response: Response) -> bool:
        return self._is_full and self.is_open and not response.has_head

    def _room(self) -> asyncio.Future[None]:
        self._arm(min(self._next_by(), self._whole_at))
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def _next_by(self) -> float:
        return self._loop.time() + self._deadlines.between_s

    def more(self) -> asyncio.Future[None]:
        """Done when anything has happened. Raises what ended the answer, if that has already."""
        response = self._response
        if self._problem is not None or response is None:
            raise self._problem or RuntimeError("nothing was asked")
        due = self._next_by() if response.has_head else self._first_by
        self._arm(due if due < self._whole_at else self._whole_at)
        waiter = self._waiter = self._loop.create_future()
        return waiter

    def was_stale(self) -> bool:
        """Whether the upstream had closed a kept connection when we wrote to it."""
        response = self._response
        is_untouched = response is not None and response.is_untouched
        return self.is_used and is_untouched and self._loop.time() - self._sent_at < STALE_S

    def resume(self) -> None:
        """What was buffered has been taken."""
        if self._is_paused and self._transport is not None and self.is_open:
            self._is_paused = False
            self._transport.resume_reading()

    def rest(self, idle_s: float) -> bool:
        """Forget a finished exchange. False if the connection cannot carry another one."""
        response, transport = self._response, self._transport
        if response is None or transport is None or not (self.is_open and response.is_complete):
            return False
        if self._owes or not response.keeps_alive or transport.get_write_buffer_size():
            return False  # the upstream has answered without reading all of the request
        now = self._loop.time()
        if now >= self._ends_at:
            return False
        if self._is_paused:
            self.resume()
        self.is_used = True
        self._response = None
        self._arm(min(now + idle_s, self._ends_at))
        return True

    def abort(self) -> None:
        """Hang up at once."""
        self._response = self._problem = self._waiter = None
        self._hang_up()

    # --- called by the event loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport  # type: ignore[assignment]  # a stream protocol gets a Transport
        self.is_open = True

    def get_buffer(self, _hint: int) -> memoryview:
        return self._scratch

    def buffer_updated(self, size: int) -> None:
        response = self._response
        if response is None:
            self._hang_up()  # nobody asked: whatever it is, it must not meet the next request
            return
        try:
            response.feed(self._scratch[:size])
        except UpstreamBroke as problem:
            self._break(problem)
            return
        waiter = self._waiter
        if waiter is not None:
            self._wake(waiter)
        elif (
            response.buffered > PAUSE_ABOVE and not self._is_paused and self._transport is not None
        ):
            self._is_paused = True
            self._transport.pause_reading()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        if self._waiter is not None:
            self._wake(self._waiter)

    def connection_lost(self, exc: Exception | None) -> None:
        response = self._response
        if response is not None and self._problem is None:
            self._problem = _loss(response, exc)
        self._gone()
        if self._waiter is not None:
            self._wake(self._waiter)
        self._transport = None

    # --- clocks ---

    def _arm(self, at: float) -> None:
        self._due = at
        if at < self._rings_at:
            if self._timer is not None:
                self._timer.cancel()
            self._rings_at = at
            self._timer = self._loop.call_at(at, self._ring)

    def _ring(self) -> None:
        self._rings_at = NEVER
        if self._due - self._loop.time() > RING_SLACK_S:
            self._arm(self._due)
        elif self._response is None:
            self._hang_up()
        else:
            self._break(self._timeout(self._response))

    def _timeout(self, response: Response) -> UpstreamTimeout:
        clocks = self._deadlines
        if self._due >= self._whole_at:
            return UpstreamTimeout(
                f"The provider's answer was not complete within {clocks.whole_s:g} s (whole_s)."
            )
        if self._owes and not response.has_head:
            return UpstreamTimeout(
                f"The provider took no more of the request for {clocks.between_s:g} s (between_s)."
            )
        if not response.has_head:
            return UpstreamTimeout(
                f"The provider did not begin to answer within {clocks.first_byte_s:g} s (first_byte_s)."
            )
        return UpstreamTimeout(f"The provider fell silent for {clocks.between_s:g} s (between_s).")

    # --- endings ---

    def _wake(self, waiter: asyncio.Future[None]) -> None:
        self._waiter = None
        self._due = self._whole_at  # whoever waits next says for how long
        if not waiter.done():
            waiter.set_result(None)

    def _break(self, problem: Failure) -> None:
        self._problem = problem
        self._hang_up()
        if self._waiter is not None:
            self._wake(self._waiter)

    def _hang_up(self) -> None:
        self._gone()
        if self._transport is not None:
            self._transport.abort()

    def _gone(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if self.is_open:
            self.is_open = False
            self._when_gone(self)


def _loss(response: Response, exc: Exception | None) -> UpstreamBroke | None:
    if exc is not None:
        return UpstreamBroke(private=f"connection lost: {exc}")
    try:
        response.end()
    except UpstreamBroke as problem:
        return problem
    return None
