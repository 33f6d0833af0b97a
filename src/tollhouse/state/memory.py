"""Limits kept in this process.

The map never holds more than `max_buckets`. A bucket that has run empty is dropped as others come; when
the map is full, the one that nobody took from for longest is forgotten.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence

from tollhouse.domain.limiting import Taking, Verdict, worst_wait
from tollhouse.domain.rates import Counted, Rule

MAX_BUCKETS = 100_000
DROPPED_PER_TAKING = 2  # more than one comes in, so the map shrinks to those that are taken from

Bucket = tuple[int, int, int]
"""When it was seen last, in its own unit of time; its ticks then; and when it is empty, in microseconds."""


def monotonic_us() -> int:
    return time.monotonic_ns() // 1_000


class MemoryLimiter:
    """Implements Limiter."""

    def __init__(
        self,
        *,
        max_buckets: int = MAX_BUCKETS,
        clock_us: Callable[[], int] = monotonic_us,
    ) -> None:
        self._max_buckets = max_buckets
        self._clock_us = clock_us
        self._buckets: OrderedDict[str, Bucket] = OrderedDict()  # the longest untouched first
        self._places: dict[str, set[str]] = {}
        """The calls inside, by bucket."""

    def __len__(self) -> int:
        return len(self._buckets) + len(self._places)

    async def take(self, call: str, takings: Sequence[Taking]) -> Verdict:
        now_us = self._clock_us()
        levels = [self._level(each.rule, now_us) for each in takings]
        for each, level in zip(takings, levels, strict=True):
            if each.rule.rate.lacks(level, each.amount) > 0:
                return Verdict(levels, worst_wait(takings, levels))
        for number, each in enumerate(takings):
            rule = each.rule
            levels[number] += each.amount * rule.rate.cost
            if rule.rate.counted is Counted.PLACES:
                self._places.setdefault(rule.bucket, set()).add(call)
            else:
                self._fill(rule, levels[number], now_us)
        return Verdict(levels)

    def give_back(self, call: str, takings: Sequence[Taking]) -> None:
        now_us = self._clock_us()
        for each in takings:
            rule = each.rule
            if rule.rate.counted is Counted.PLACES:
                self._leave(rule.bucket, call)
            else:
                level = self._level(rule, now_us) - each.amount * rule.rate.cost
                self._fill(rule, max(0, level), now_us)

    async def aclose(self) -> None:
        self._buckets.clear()
        self._places.clear()

    def _level(self, rule: Rule, now_us: int) -> int:
        rate = rule.rate
        if rate.counted is Counted.PLACES:
            return len(self._places.get(rule.bucket, ()))
        bucket = self._buckets.get(rule.bucket)
        return 0 if bucket is None else rate.level(bucket[0], bucket[1], now_us // rate.unit_us)

    def _fill(self, rule: Rule, level: int, now_us: int) -> None:
        rate, name = rule.rate, rule.bucket
        self._buckets[name] = (now_us // rate.unit_us, level, now_us + rate.wait_us(level))
        self._buckets.move_to_end(name)
        self._drop(now_us)

    def _leave(self, bucket: str, call: str) -> None:
        inside = self._places.get(bucket)
        if inside is not None:
            inside.discard(call)
            if not inside:
                del self._places[bucket]

    def _drop(self, now_us: int) -> None:
        for _ in range(DROPPED_PER_TAKING):
            oldest = next(iter(self._buckets), None)
            if oldest is None:
                return
            if self._buckets[oldest][2] > now_us and len(self._buckets) <= self._max_buckets:
                return
            del self._buckets[oldest]
