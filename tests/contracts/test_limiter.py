"""What every limiter promises, on every limiter there is."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Callable
from typing import Protocol

import pytest

from tollhouse.domain.errors import RateLimited
from tollhouse.domain.limits import Limit
from tollhouse.state.memory import MemoryLimiter
from tollhouse.state.valkey import ValkeyLimiter

HOUR_S = 3600
NAMES = itertools.count()


class Closing(Protocol):
    async def take(self, subject: str) -> None: ...
    async def aclose(self) -> None: ...


Make = Callable[[Limit], Closing]


@pytest.fixture(params=["memory", "valkey"])
async def make(request: pytest.FixtureRequest) -> AsyncIterator[Make]:
    """Builds limiters that share nothing and are closed at the end."""
    made: list[Closing] = []

    def build(limit: Limit) -> Closing:
        if request.param == "memory":
            made.append(MemoryLimiter(limit))
        else:
            url = request.getfixturevalue("valkey").url
            made.append(ValkeyLimiter(url, limit, name=f"contract-{next(NAMES)}", deadline_s=5))
        return made[-1]

    yield build
    for limiter in made:
        await limiter.aclose()


async def test_a_burst_passes_and_the_call_after_it_does_not(make: Make) -> None:
    limiter = make(Limit(calls=3, period_s=HOUR_S))

    for _ in range(3):
        await limiter.take("key")

    with pytest.raises(RateLimited):
        await limiter.take("key")


async def test_one_subject_does_not_use_up_anothers_allowance(make: Make) -> None:
    limiter = make(Limit(calls=1, period_s=HOUR_S))
    await limiter.take("first")

    await limiter.take("second")


@pytest.mark.req("R-11")
async def test_a_long_wait_is_told_as_a_minute_and_the_limit_is_said(make: Make) -> None:
    limiter = make(Limit(calls=1, period_s=HOUR_S))
    await limiter.take("key")

    with pytest.raises(RateLimited, match="1 call per 3600 seconds, 1 at once") as refused:
        await limiter.take("key")

    assert refused.value.retry_after_s == 60


async def test_a_short_wait_is_told_as_a_second(make: Make) -> None:
    limiter = make(Limit(calls=2, period_s=1, burst=1))
    await limiter.take("key")

    with pytest.raises(RateLimited) as refused:
        await limiter.take("key")

    assert refused.value.retry_after_s == 1


async def test_of_many_at_once_exactly_the_burst_passes(make: Make) -> None:
    limiter = make(Limit(calls=50, period_s=HOUR_S))

    results = await asyncio.gather(
        *(limiter.take("key") for _ in range(300)), return_exceptions=True
    )

    assert results.count(None) == 50
    assert all(isinstance(result, RateLimited) for result in results if result is not None)


async def test_asking_while_limited_does_not_put_the_next_call_off(make: Make) -> None:
    limiter = make(Limit(calls=5, period_s=1, burst=1))
    await limiter.take("key")
    started = time.monotonic()

    await _until_it_passes(limiter)

    assert time.monotonic() - started < 2


@pytest.mark.parametrize("subject", ["", "a:b", "{a}", "ключ", "line\nline", "x" * 10_000])
async def test_a_subject_may_be_any_text(make: Make, subject: str) -> None:
    limiter = make(Limit(calls=1, period_s=HOUR_S))
    await limiter.take(subject)

    with pytest.raises(RateLimited):
        await limiter.take(subject)


async def _until_it_passes(limiter: Closing) -> None:
    deadline = time.monotonic() + 5
    while time.monotonic() < deadline:
        try:
            await limiter.take("key")
        except RateLimited:
            await asyncio.sleep(0)
        else:
            return
    raise AssertionError("never let in again")
