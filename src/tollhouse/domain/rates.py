"""How much of something a subject may have: a bucket that empties steadily, in whole numbers.

What was taken stands in the bucket as ticks and runs out of it, and a taking that would make it
overflow has to wait. Ticks are chosen so that a unit, and what runs out in a unit of time, are both
whole: nothing is rounded, so in any stretch of time no more passes than the burst and what the rate
gives in it, and no less. Every number fits a double exactly, because one of those who count can do no
better.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, StrEnum
from math import gcd

MICROS_PER_SECOND = 1_000_000
MINUTE_S = 60
DAY_S = 86_400
MOST = 10_000_000_000
"""Of anything, in a minute or a day."""

MOST_WEIGHT = 100

EXACT = 2**52
"""Up to here doubles are whole numbers, and a quotient of two is never rounded to a whole one."""


class Counted(IntEnum):
    """What a measure counts of a call."""

    REQUESTS = 0
    INPUT = 1
    OUTPUT = 2
    PLACES = 3
    """Calls under way at the same time."""


class Measure(StrEnum):
    """What can be limited, by the names of settings, options and headers."""

    REQUESTS_PER_MINUTE = "requests_per_minute"
    REQUESTS_PER_DAY = "requests_per_day"
    INPUT_TOKENS_PER_MINUTE = "input_tokens_per_minute"
    INPUT_TOKENS_PER_DAY = "input_tokens_per_day"
    OUTPUT_TOKENS_PER_MINUTE = "output_tokens_per_minute"
    OUTPUT_TOKENS_PER_DAY = "output_tokens_per_day"
    CONCURRENT = "concurrent"
    QUEUE_WEIGHT = "queue_weight"
    """Limits nothing: a project's share of a target that is full, beside those of others."""

    @property
    def words(self) -> str:
        return "calls at once" if self is Measure.CONCURRENT else self.value.replace("_", " ")


COUNTED = {
    Measure.REQUESTS_PER_MINUTE: (Counted.REQUESTS, MINUTE_S),
    Measure.REQUESTS_PER_DAY: (Counted.REQUESTS, DAY_S),
    Measure.INPUT_TOKENS_PER_MINUTE: (Counted.INPUT, MINUTE_S),
    Measure.INPUT_TOKENS_PER_DAY: (Counted.INPUT, DAY_S),
    Measure.OUTPUT_TOKENS_PER_MINUTE: (Counted.OUTPUT, MINUTE_S),
    Measure.OUTPUT_TOKENS_PER_DAY: (Counted.OUTPUT, DAY_S),
    Measure.CONCURRENT: (Counted.PLACES, 0),
}


@dataclass(frozen=True, slots=True)
class Rate:
    """So much of a measure, and so much of it at once."""

    measure: Measure
    amount: int
    burst: int = 0
    """0 allows the amount of a whole period at once."""

    counted: Counted = field(init=False)
    period_s: int = field(init=False)
    """0 where nothing runs out by itself: a place is taken until it is left."""

    unit_us: int = field(init=False)
    """The unit of time: the finest in which all numbers stay exact."""

    cost: int = field(init=False)
    """Ticks of one."""

    flow: int = field(init=False)
    """Ticks that run out in a unit of time."""

    whole: int = field(init=False)
    """Ticks of the burst: the bucket's size."""

    drained: int = field(init=False)
    """Units of time in which a full bucket runs empty."""

    def __post_init__(self) -> None:
        counted, period_s = COUNTED[self.measure]
        if not 1 <= self.amount <= MOST or not 0 <= self.burst <= MOST:
            raise ValueError(f"no limit: {self.amount} {self.measure}, {self.burst} at once")
        burst = self.burst or self.amount
        unit_us, cost, flow = _ticks(self.amount, burst, period_s) if period_s else (1, 1, 0)
        whole = burst * cost
        for name, value in (
            ("counted", counted),
            ("period_s", period_s),
            ("burst", burst),
            ("unit_us", unit_us),
            ("cost", cost),
            ("flow", flow),
            ("whole", whole),
            ("drained", -(-whole // flow) if flow else 0),
        ):
            object.__setattr__(self, name, value)

    def level(self, at: int, ticks: int, now: int) -> int:
        """What is left of so many ticks. A clock that was set back lets nothing run out."""
        elapsed = now - at
        if elapsed <= 0:
            return ticks
        return max(0, ticks - elapsed * self.flow) if elapsed < self.drained else 0

    def lacks(self, level: int, amount: int) -> int:
        """Ticks that have to run out before so much fits; none or less, and it fits."""
        return level + amount * self.cost - self.whole

    def wait_us(self, ticks: int) -> int:
        """Until so many ticks have run out; of places nobody knows."""
        return -(-ticks // self.flow) * self.unit_us if self.flow else MICROS_PER_SECOND

    def left(self, level: int) -> int:
        """How many more fit."""
        return (self.whole - level) // self.cost

    def __str__(self) -> str:
        at_once = "" if self.burst == self.amount else f", {self.burst} at once"
        return f"{self.amount} {self.measure.words}{at_once}"


@dataclass(frozen=True, slots=True)
class Rule:
    """A rate, and whom it holds for: `key:ID`, `user:ID`, `project:ID`, `tenant:ID`, `model:NAME`, `route:NAME`."""

    subject: str
    rate: Rate
    bucket: str = field(init=False)
    """Where it is counted. A rate that is changed is counted anew: its ticks are others."""

    def __post_init__(self) -> None:
        rate = self.rate
        bucket = f"{rate.measure}:{rate.amount}:{rate.burst}:{self.subject}"
        object.__setattr__(self, "bucket", bucket)

    def __str__(self) -> str:
        return f"{self.subject} may have {self.rate}"


def _ticks(amount: int, burst: int, period_s: int) -> tuple[int, int, int]:
    """The unit of time in microseconds, the ticks of one, and those that run out in a unit."""
    for unit_us in (1, 1_000, MICROS_PER_SECOND):
        period = period_s * MICROS_PER_SECOND // unit_us
        share = gcd(amount, period)
        if max(amount, burst) * (period // share) <= EXACT:
            return unit_us, period // share, amount // share
    raise ValueError(f"{amount} in {period_s} s cannot be counted exactly")
