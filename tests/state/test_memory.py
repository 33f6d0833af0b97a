"""The limiter in memory: its clock and its bound."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain import limits
from tollhouse.domain.errors import RateLimited
from tollhouse.domain.limits import Limit
from tollhouse.state.memory import MemoryLimiter

SECOND = 1_000_000
TRACES = st.lists(
    st.tuples(st.integers(0, 30 * SECOND), st.sampled_from(["a", "b", "c", "d"])), max_size=80
)


@given(st.integers(1, 100), st.integers(1, 10), TRACES)
def test_it_decides_like_the_arithmetic_alone(
    calls: int, burst: int, trace: list[tuple[int, str]]
) -> None:
    limit = Limit(calls, 60, burst)

    assert asyncio.run(_decide(limit, trace)) == _expected(limit, trace)


@pytest.mark.req("B-39")
async def test_a_stranger_for_every_call_does_not_make_the_map_grow() -> None:
    limiter = MemoryLimiter(Limit(calls=1, period_s=60), max_subjects=100, clock_us=_Clock())

    for number in range(10_000):
        await limiter.take(f"stranger-{number}")

    assert len(limiter) == 100


async def test_a_full_map_forgets_the_subject_that_has_not_called_for_longest() -> None:
    limiter = MemoryLimiter(Limit(calls=2, period_s=60), max_subjects=2, clock_us=_Clock())
    for subject in ("first", "second", "first", "third"):
        await limiter.take(subject)

    with pytest.raises(RateLimited):
        await limiter.take("first")


async def test_a_subject_whose_allowance_is_whole_again_is_dropped_as_others_come() -> None:
    clock = _Clock()
    limiter = MemoryLimiter(Limit(calls=60, period_s=60), clock_us=clock)
    for number in range(10):
        await limiter.take(f"early-{number}")

    clock.now += 2 * SECOND
    for _ in range(10):
        await limiter.take("late")

    assert len(limiter) == 1


class _Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


async def _decide(limit: Limit, trace: list[tuple[int, str]]) -> list[bool]:
    clock = _Clock()
    limiter = MemoryLimiter(limit, clock_us=clock)
    decisions = []
    for step, subject in trace:
        clock.now += step
        try:
            await limiter.take(subject)
        except RateLimited:
            decisions.append(False)
        else:
            decisions.append(True)
    return decisions


def _expected(limit: Limit, trace: list[tuple[int, str]]) -> list[bool]:
    now = 0
    due: dict[str, int] = {}
    decisions = []
    for step, subject in trace:
        now += step
        due[subject], wait = limits.take(
            limit.interval_us, limit.whole_us, due.get(subject, 0), now
        )
        decisions.append(wait == 0)
    return decisions
