"""The arithmetic of limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain import limits
from tollhouse.domain.limits import Limit

LIMITS = st.builds(Limit, st.integers(1, 10_000), st.integers(1, 3600), st.integers(0, 50))
STEPS_US = st.lists(st.integers(0, 200_000_000), max_size=60)


@given(LIMITS, STEPS_US)
def test_it_decides_like_a_bucket_that_fills_one_microsecond_at_a_time(
    limit: Limit, steps_us: list[int]
) -> None:
    bucket = _Bucket(limit)
    due = now = 1_700_000_000_000_000

    for step in steps_us:
        now += step
        due, wait = limits.take(limit.interval_us, limit.whole_us, due, now)

        assert wait == bucket.wait_after(step)


@given(LIMITS, STEPS_US)
def test_no_stretch_of_time_lets_more_through_than_its_burst_and_its_intervals(
    limit: Limit, steps_us: list[int]
) -> None:
    passed = _passed(limit, steps_us)

    for index, start in enumerate(passed):
        for count, end in enumerate(passed[index:], start=1):
            assert count <= (limit.burst or limit.calls) + (end - start) // limit.interval_us


@given(LIMITS, STEPS_US)
def test_a_call_that_waits_as_long_as_it_was_told_passes(limit: Limit, steps_us: list[int]) -> None:
    due = now = 0

    for step in steps_us:
        now += step
        due, wait = limits.take(limit.interval_us, limit.whole_us, due, now)
        now += wait
        if wait:
            due, wait = limits.take(limit.interval_us, limit.whole_us, due, now)
            assert wait == 0


@given(LIMITS, st.integers(0, 10**15), st.integers(0, 10**15))
def test_a_clock_set_back_makes_nobody_wait_longer_than_one_interval(
    limit: Limit, due_us: int, now_us: int
) -> None:
    _, wait = limits.take(limit.interval_us, limit.whole_us, due_us, now_us)

    assert 0 <= wait <= limit.interval_us


def test_an_interval_that_does_not_divide_is_rounded_up() -> None:
    assert Limit(calls=7, period_s=60).interval_us == 8_571_429


@pytest.mark.parametrize(("calls", "period_s", "burst"), [(0, 60, 1), (1, 0, 1), (1, 60, -1)])
def test_a_limit_that_lets_nothing_through_is_a_mistake(
    calls: int, period_s: int, burst: int
) -> None:
    with pytest.raises(ValueError, match="at least one call"):
        Limit(calls, period_s, burst)


class _Bucket:
    """The textbook's leaky bucket, kept as a level instead of a moment."""

    def __init__(self, limit: Limit) -> None:
        self.interval = limit.interval_us
        self.whole = limit.whole_us
        self.level = limit.whole_us

    def wait_after(self, elapsed_us: int) -> int:
        self.level = min(self.whole, self.level + elapsed_us)
        if self.level < self.interval:
            return self.interval - self.level
        self.level -= self.interval
        return 0


def _passed(limit: Limit, steps_us: list[int]) -> list[int]:
    due = now = 0
    passed = []
    for step in steps_us:
        now += step
        due, wait = limits.take(limit.interval_us, limit.whole_us, due, now)
        if not wait:
            passed.append(now)
    return passed


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (Limit(1), "1 call per 60 seconds, 1 at once"),
        (Limit(5, 1), "5 calls per second, 5 at once"),
        (Limit(5, 2, 9), "5 calls per 2 seconds, 9 at once"),
    ],
)
def test_a_limit_says_what_it_is(limit: Limit, words: str) -> None:
    assert str(limit) == words
