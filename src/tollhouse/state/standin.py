"""What is decided while the shared limiter cannot be reached, as the settings have chosen.

After a few failures in a row nobody is kept waiting for it: calls are refused, let through, or counted in this
process, until it answers again. Whether it does is looked at beside the calls.
"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable, Sequence
from enum import StrEnum
from typing import Protocol

from tollhouse.domain.errors import LimiterUnavailable
from tollhouse.domain.limiting import Taking, Verdict
from tollhouse.state.memory import MemoryLimiter

FAILURES = 3
LOOK_EVERY_S = 1.0
MOST_REMEMBERED = 10_000


class Unreachable(StrEnum):
    """The choice."""

    REFUSE = "refuse"
    ALLOW = "allow"
    LOCAL = "local"


class Shared(Protocol):
    async def take(self, call: str, takings: Sequence[Taking]) -> Verdict: ...
    def give_back(self, call: str, takings: Sequence[Taking]) -> None: ...
    async def look(self) -> None: ...  # raises LimiterUnavailable
    async def aclose(self) -> None: ...


OnTurn = Callable[[str | None], None]
"""Told why it is not asked from now on, or None when it is asked again."""


class StandIn:
    """Implements Limiter."""

    def __init__(
        self,
        shared: Shared,
        choice: Unreachable,
        on_turn: OnTurn,
        on_missed: Callable[[], None],
        look_every_s: float = LOOK_EVERY_S,
    ) -> None:
        self._shared = shared
        self._choice = choice
        self._on_turn = on_turn
        self._on_missed = on_missed
        self._look_every_s = look_every_s
        self._local = MemoryLimiter()
        self._taken_here: OrderedDict[str, None] = OrderedDict()
        """Calls that took nothing of the shared one."""

        self._failures = 0
        self._looking: asyncio.Task[None] | None = None

    async def take(self, call: str, takings: Sequence[Taking]) -> Verdict:
        """Raises LimiterUnavailable, where that was chosen."""
        if self._looking is None:
            try:
                verdict = await self._shared.take(call, takings)
            except LimiterUnavailable as broken:
                self._failed(broken)
                return await self._otherwise(call, takings, broken)
            self._failures = 0
            return verdict
        return await self._otherwise(call, takings, None)

    def give_back(self, call: str, takings: Sequence[Taking]) -> None:
        if call not in self._taken_here:
            self._shared.give_back(call, takings)
            return
        del self._taken_here[call]
        self._local.give_back(call, takings)

    async def aclose(self) -> None:
        if self._looking is not None:
            self._looking.cancel()
            await asyncio.wait([self._looking])
        await self._shared.aclose()

    async def _otherwise(
        self, call: str, takings: Sequence[Taking], broken: LimiterUnavailable | None
    ) -> Verdict:
        self._on_missed()
        if self._choice is Unreachable.REFUSE:
            raise broken or LimiterUnavailable(private="it is away", retry_after_s=1)
        self._taken_here[call] = None
        if len(self._taken_here) > MOST_REMEMBERED:
            self._taken_here.popitem(last=False)
        if self._choice is Unreachable.ALLOW:
            return Verdict(())
        return await self._local.take(call, takings)

    def _failed(self, broken: LimiterUnavailable) -> None:
        self._failures += 1
        if self._failures >= FAILURES and self._looking is None:
            self._looking = asyncio.create_task(self._look())
            self._on_turn(broken.private or "no answer")

    async def _look(self) -> None:
        """Until it answers."""
        while True:
            await asyncio.sleep(self._look_every_s)
            try:
                await self._shared.look()
            except LimiterUnavailable:
                continue
            self._looking, self._failures = None, 0
            self._on_turn(None)
            return
