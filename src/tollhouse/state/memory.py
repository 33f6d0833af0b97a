"""Limits kept in this process.

The map never holds more than `max_subjects`. A subject whose allowance is whole again is dropped
as others come; when the map is full, the one that has not called for longest is forgotten.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

from tollhouse.domain import limits
from tollhouse.domain.limits import Limit

MAX_SUBJECTS = 100_000
DROPPED_PER_CALL = 2  # more than one comes in, so the map shrinks to those that call


def monotonic_us() -> int:
    return time.monotonic_ns() // 1_000


class MemoryLimiter:
    def __init__(
        self,
        limit: Limit,
        *,
        max_subjects: int = MAX_SUBJECTS,
        clock_us: Callable[[], int] = monotonic_us,
    ) -> None:
        self._limit = limit
        self._interval_us = limit.interval_us
        self._whole_us = limit.whole_us
        self._max_subjects = max_subjects
        self._clock_us = clock_us
        self._due: OrderedDict[str, int] = OrderedDict()  # by last call, the longest ago first

    def __len__(self) -> int:
        return len(self._due)

    async def take(self, subject: str) -> None:
        """Raises RateLimited."""
        now = self._clock_us()
        due, wait = limits.take(self._interval_us, self._whole_us, self._due.get(subject, now), now)
        if wait:
            raise limits.limited(self._limit, wait)
        self._due[subject] = due
        self._due.move_to_end(subject)
        self._drop(now)

    async def aclose(self) -> None:
        self._due.clear()

    def _drop(self, now: int) -> None:
        for _ in range(DROPPED_PER_CALL):
            oldest = next(iter(self._due))
            if self._due[oldest] > now and len(self._due) <= self._max_subjects:
                return
            self._due.popitem(last=False)
