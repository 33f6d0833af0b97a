"""Carry a call, or refuse it because there is too much to do: before its body is read.

While it is carried it stands with those under way, where whoever finds that it may not go on can end it.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from tollhouse.domain.errors import Overloaded, Problem
from tollhouse.domain.identity import Principal
from tollhouse.domain.shedding import RETRY_AFTER_S
from tollhouse.pipeline.house import House
from tollhouse.pipeline.record import Journal


class carried:  # noqa: N801 - read as a participle: `with carried(…)`
    __slots__ = ("_caller", "_house", "_problem", "_task", "record")

    def __init__(self, caller: Principal, record: Journal, house: House) -> None:
        self.record = record
        self._caller = caller
        self._house = house
        self._problem: Problem | None = None

    def __enter__(self) -> None:
        house, priority = self._house, self._caller.priority
        if house.load.refuses(priority):
            house.watch.shed(priority)
            raise Overloaded(
                f"This gateway has too much to do for calls of {priority} priority.",
                retry_after_s=RETRY_AFTER_S[priority],
            )
        self._task = asyncio.current_task()
        house.load.under_way += 1
        house.under_way.add(self)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._house.load.under_way -= 1
        self._house.under_way.discard(self)
        if self._problem is None or self._task is None:
            return
        if self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise self._problem from error

    def end(self, problem: Problem) -> None:
        """Once: where it stands now it is cancelled, and it ends in that problem."""
        if self._problem is None and self._task is not None:
            self._problem = problem
            self._task.cancel()
