"""A route's deadline: the whole call is over by then, whatever it waits for."""

from __future__ import annotations

import asyncio
from types import TracebackType

from tollhouse.domain.errors import UpstreamTimeout


class within:  # noqa: N801 - read as a participle: `with within(…)`
    """What `asyncio.timeout` does, at a third of its cost, and ending in a problem of ours."""

    __slots__ = ("_deadline_s", "_is_over", "_task", "_timer")

    def __init__(self, deadline_s: float) -> None:
        self._deadline_s = deadline_s
        self._is_over = False

    def __enter__(self) -> None:
        loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None:
            raise RuntimeError("a deadline needs a task that it can end")
        self._task = task
        self._timer = loop.call_later(self._deadline_s, self._end)

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._timer.cancel()
        if self._is_over and self._task.uncancel() == 0 and kind is asyncio.CancelledError:
            raise UpstreamTimeout(
                f"The call was not done within {self._deadline_s:g} s, the whole time its route allows."
            ) from error

    def _end(self) -> None:
        self._is_over = True
        self._task.cancel()
