"""The limiter in memory: its clock and its bound."""

from __future__ import annotations

import pytest

from limits_given import PLACES, SECOND, taking
from tollhouse.state.memory import MemoryLimiter


@pytest.mark.req("B-39", "CN-26", "OC-53")
async def test_a_stranger_for_every_call_does_not_make_the_map_grow() -> None:
    limiter = MemoryLimiter(max_buckets=100, clock_us=_Clock())

    for number in range(10_000):
        await limiter.take("call", (taking(1, subject=f"stranger-{number}"),))

    assert len(limiter) == 100


@pytest.mark.req("CN-26")
async def test_a_full_map_forgets_the_subject_that_has_not_called_for_longest() -> None:
    limiter = MemoryLimiter(max_buckets=2, clock_us=_Clock())
    for subject in ("first", "second", "first", "third"):
        await limiter.take("call", (taking(2, subject=subject),))

    verdict = await limiter.take("call", (taking(2, subject="first"),))

    assert verdict.refused_by == 0


@pytest.mark.req("OC-53")
async def test_a_bucket_that_has_run_empty_is_dropped_as_others_come() -> None:
    clock = _Clock()
    limiter = MemoryLimiter(clock_us=clock)
    for number in range(10):
        await limiter.take("call", (taking(60, subject=f"early-{number}"),))

    clock.now += 2 * SECOND
    for _ in range(10):
        await limiter.take("call", (taking(60, subject="late"),))

    assert len(limiter) == 1


@pytest.mark.req("P-31")
async def test_nothing_is_left_of_calls_that_are_over() -> None:
    limiter = MemoryLimiter()
    place = (taking(1_000, PLACES),)
    for number in range(1_000):
        await limiter.take(f"call-{number}", place)

    for number in range(1_000):
        limiter.give_back(f"call-{number}", place)

    assert len(limiter) == 0


class _Clock:
    now = 0

    def __call__(self) -> int:
        return self.now


async def test_what_is_closed_remembers_nobody() -> None:
    limiter = MemoryLimiter()
    await limiter.take("call", (taking(5), taking(5, PLACES)))

    await limiter.aclose()

    assert len(limiter) == 0


@pytest.mark.req("P-31")
async def test_who_gives_back_more_than_was_taken_gains_nothing() -> None:
    limiter = MemoryLimiter(clock_us=lambda: 0)
    await limiter.take("before", (taking(5, subject="key:other"),))
    await limiter.take("call", (taking(5),))

    limiter.give_back("call", (taking(5, takes=9), taking(5, PLACES)))

    assert (await limiter.take("next", (taking(5, takes=5),))).refused_by is None
    assert (await limiter.take("last", (taking(5),))).refused_by == 0
