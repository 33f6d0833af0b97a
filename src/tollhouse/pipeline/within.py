"""A route's deadline: the whole call is over by then, whatever it waits for.

Whoever finds before that it may not stay, ends it the same way.
"""

from __future__ import annotations

import asyncio
from types import TracebackType

from tollhouse.domain.errors import Problem, UpstreamTimeout


class within:  # noqa: N801 - read as a participle: `with within(…)`
    """What `asyncio.timeout` does, at a third of its cost, and ending in a problem of ours."""

    __slots__ = ("_deadline_s", "_problem", "_task", "_timer")

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._problem: Problem | None = None

    def __enter__(self) -> within:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a deadline needs a task that it can end")
        self._task = task
        self._timer = loop.call_later(self._deadline_s, self._be_late)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._problem is None:
            return
        if self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise self._problem from error

    def end(self, problem: Problem) -> None:
        """Once: where it waits now it is cancelled, and it ends in that problem."""
        if self._problem is None:
            self._problem = problem
            self._task.cancel()

    def _be_late(self) -> None:
        self.end(
            UpstreamTimeout(
                f"The call was not done within {self._deadline_s:g} s, the whole time its route allows."
            )
        )
