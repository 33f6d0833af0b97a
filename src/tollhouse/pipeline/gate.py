"""So many calls at one target at a time; the next ones stand in line, fairly, and not for long."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from tollhouse.domain.errors import UpstreamBusy
from tollhouse.domain.fair_line import FairLine, Ticket

NEWEST = 0.2
"""What the newest turn counts for in the pace of the line."""


class Gate:
    """Whoever is in leaves once by `leave`. While there is room, nobody is in line."""

    __slots__ = (
        *("_clock", "_inside", "_line", "_longest_line", "_most", "_moved_at_s", "_pace_s"),
        *("_patience_s", "_turns"),
    )

    def __init__(
        self,
        most: int,
        longest_line: int,
        patience_s: float,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most
        self._longest_line = longest_line
        self._patience_s = patience_s
        self._clock = clock
        self._inside = 0
        self._line = FairLine()
        self._turns: dict[Ticket, asyncio.Future[None]] = {}
        """Of all who are in line."""

        self._moved_at_s: float | None = None
        self._pace_s: float | None = None

    @property
    def inside(self) -> int:
        return self._inside

    @property
    def in_line(self) -> int:
        return len(self._line)

    @property
    def expected_s(self) -> float:
        """How long who comes last would wait, as the line moves; 0 without one, or before it has moved."""
        return len(self._line) * (self._pace_s or 0.0)

    def enter(self) -> bool:
        """At once or not at all."""
        if self._inside >= self._most:
            return False
        self._inside += 1
        return True

    async def wait(
        self,
        ticket: Ticket | None = None,
        on_place: Callable[[int, float | None], None] | None = None,
    ) -> None:
        """Until it is our turn; `on_place` is told how many go before us, and how long that may take.

        Raises UpstreamBusy if the line is full, or does not move in time.
        """
        if self.enter():
            return
        if len(self._line) >= self._longest_line:
            raise UpstreamBusy(private=f"{self._most} calls at once, {len(self._line)} in line")
        ticket, turn = ticket or Ticket(), asyncio.get_running_loop().create_future()
        now_s = ticket.came_s = self._clock()
        ticket.until_s = now_s + self._patience_s
        self._line.join(ticket)
        self._turns[ticket] = turn
        if on_place is not None:
            ahead = self._line.ahead_of(ticket, now_s)
            on_place(ahead, None if self._pace_s is None else (ahead + 1) * self._pace_s)
        try:
            async with asyncio.timeout(self._patience_s):
                await turn
        except TimeoutError:
            self._step_out(ticket, turn)
            raise UpstreamBusy(private=f"{self._patience_s:g} s in line") from None
        except asyncio.CancelledError:
            self._step_out(ticket, turn)
            raise
        finally:
            self._turns.pop(ticket, None)

    def leave(self) -> None:
        if self._turns and self._passes_on():
            return  # there is as many inside as before
        self._inside -= 1
        self._moved_at_s = None  # whoever stands in line later stands in another

    def _passes_on(self) -> bool:
        now_s = self._clock()
        while (ticket := self._line.next(now_s)) is not None:
            turn = self._turns[ticket]
            if not turn.done():
                turn.set_result(None)
                self._moved(now_s)
                return True
        return False

    def _moved(self, now_s: float) -> None:
        if self._moved_at_s is not None:
            took_s = now_s - self._moved_at_s
            before_s = took_s if self._pace_s is None else self._pace_s
            self._pace_s = before_s + NEWEST * (took_s - before_s)
        self._moved_at_s = now_s

    def _step_out(self, ticket: Ticket, turn: asyncio.Future[None]) -> None:
        """What was given to it in this very moment goes to the next."""
        if not self._line.leave(ticket) and not turn.cancelled():
            self.leave()
