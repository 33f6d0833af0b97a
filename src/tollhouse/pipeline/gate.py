"""So many calls at one target at a time; the next ones stand in line, in order, and not for long."""

from __future__ import annotations

import asyncio
from collections import deque

from tollhouse.domain.errors import UpstreamBusy


class Gate:
    """Whoever is in leaves once by `leave`. While there is room, nobody is in line."""

    __slots__ = ("_inside", "_line", "_longest_line", "_most", "_patience_s")

    def __init__(self, most: int, longest_line: int, patience_s: float) -> None:
        self._most = most
        self._longest_line = longest_line
        self._patience_s = patience_s
        self._inside = 0
        self._line: deque[asyncio.Future[None]] = deque()

    @property
    def inside(self) -> int:
        return self._inside

    @property
    def in_line(self) -> int:
        return len(self._line)

    def enter(self) -> bool:
        """At once or not at all."""
        if self._inside >= self._most:
            return False
        self._inside += 1
        return True

    async def wait(self) -> None:
        """Until it is our turn. Raises UpstreamBusy if the line is full, or does not move in time."""
        if self.enter():
            return
        if len(self._line) >= self._longest_line:
            raise UpstreamBusy(private=f"{self._most} calls at once, {len(self._line)} in line")
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._line.append(turn)
        try:
            async with asyncio.timeout(self._patience_s):
                await turn
        except TimeoutError:
            self._step_out(turn)
            raise UpstreamBusy(private=f"{self._patience_s:g} s in line") from None
        except asyncio.CancelledError:
            self._step_out(turn)
            raise

    def leave(self) -> None:
        while self._line:
            turn = self._line.popleft()
            if not turn.done():
                turn.set_result(None)  # the place passes on: there is as many inside as before
                return
        self._inside -= 1

    def _step_out(self, turn: asyncio.Future[None]) -> None:
        """What was given to it in this very moment goes to the next."""
        if turn in self._line:
            self._line.remove(turn)
        elif not turn.cancelled():
            self.leave()
