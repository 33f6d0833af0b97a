"""How often something may happen: the generic cell rate algorithm, in whole microseconds.

All that is remembered of a subject is one moment: when its allowance is whole again. Each call
moves that moment one interval on, and a call that would move it too far ahead has to wait. So in
any stretch of time no more calls pass than the burst plus one for each interval in it.
"""

from __future__ import annotations

from dataclasses import dataclass

MICROS_PER_SECOND = 1_000_000
LONGEST_RETRY_S = 60
"""Clients give up or hang on a longer `Retry-After`."""


@dataclass(frozen=True, slots=True)
class Limit:
    """So many calls per period, and so many at once."""

    calls: int
    period_s: int = 60
    burst: int = 0
    """0 allows the calls of a whole period at once."""

    def __post_init__(self) -> None:
        if self.calls < 1 or self.period_s < 1 or self.burst < 0:
            raise ValueError("a limit needs at least one call per period and no negative burst")

    @property
    def interval_us(self) -> int:
        """Between two calls of a steady caller. Rounds up: a limit is never exceeded."""
        return -(-self.period_s * MICROS_PER_SECOND // self.calls)

    @property
    def whole_us(self) -> int:
        """How long an allowance used up takes to be whole again."""
        return self.interval_us * (self.burst or self.calls)

    def __str__(self) -> str:
        calls = "1 call" if self.calls == 1 else f"{self.calls} calls"
        period = "second" if self.period_s == 1 else f"{self.period_s} seconds"
        return f"{calls} per {period}, {self.burst or self.calls} at once"


def take(interval_us: int, whole_us: int, due_us: int, now_us: int) -> tuple[int, int]:
    """The moment the allowance is whole after one more call, and how long that call must wait.

    A wait above zero refuses the call, and the moment stays as it was. A moment further ahead
    than any burst can move it comes from a clock that was set back, and counts as a full burst.
    """
    start = min(max(due_us, now_us), now_us + whole_us)
    wait = start + interval_us - whole_us - now_us
    return (start, wait) if wait > 0 else (start + interval_us, 0)
