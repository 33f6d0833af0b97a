"""Who was refused for its requests, and until when: so that no body is read only to be refused again.

A request that was counted is never given back, so what did not fit does not fit before its time, whoever
asks. Nothing here lets anybody in: who is not known here is asked of the limiter.
"""

from __future__ import annotations

from collections.abc import Sequence

from tollhouse.domain.limiting import Taking
from tollhouse.domain.rates import Counted, Rate, Rule

MOST_REMEMBERED = 10_000
LONGEST_US = 60_000_000
"""A limiter that has forgotten all is asked again after so long."""

Refused = tuple[int, int]
"""How many ticks were in the bucket, and when, in microseconds."""


class Waits:
    def __init__(self) -> None:
        self._of: dict[str, Refused] = {}
        """By bucket, the longest known first."""

    def __bool__(self) -> bool:
        return bool(self._of)

    def note(self, taking: Taking, level: int, asked_us: int) -> None:
        """`asked_us` is before the limiter was asked, so that nobody waits longer than it says."""
        rule = taking.rule
        if rule.rate.counted is not Counted.REQUESTS:
            return
        self._of.pop(rule.bucket, None)
        if len(self._of) >= MOST_REMEMBERED:
            del self._of[next(iter(self._of))]
        self._of[rule.bucket] = (level, asked_us)

    def of(self, rules: Sequence[Rule], now_us: int) -> tuple[Taking, int] | None:
        """What still refuses one more request, and how its bucket stands."""
        for rule in rules:
            refused = self._of.get(rule.bucket)
            if refused is not None:
                level = _level(rule.rate, refused, now_us)
                if rule.rate.lacks(level, 1) > 0:
                    return Taking(rule, 1), level
                del self._of[rule.bucket]
        return None


def _level(rate: Rate, refused: Refused, now_us: int) -> int:
    """0 where it says nothing any more: of long ago, or of a time to come."""
    ticks, at_us = refused
    if not 0 <= now_us - at_us <= LONGEST_US:
        return 0
    return rate.level(at_us // rate.unit_us, ticks, now_us // rate.unit_us)
