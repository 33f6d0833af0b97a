"""What every limiter promises, on every limiter there is."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import AsyncIterator, Sequence
from typing import Protocol

import pytest

from limits_given import PLACES, taking
from tollhouse.domain.limiting import Taking, Verdict
from tollhouse.domain.rates import Measure
from tollhouse.state.memory import MemoryLimiter
from tollhouse.state.valkey import ValkeyLimiter

DAY = Measure.REQUESTS_PER_DAY
TOKENS = Measure.INPUT_TOKENS_PER_DAY
NAMES = itertools.count()


class Closing(Protocol):
    async def take(self, call: str, takings: Sequence[Taking]) -> Verdict: ...
    def give_back(self, call: str, takings: Sequence[Taking]) -> None: ...
    async def aclose(self) -> None: ...


@pytest.fixture(params=["memory", "valkey"])
async def limiter(request: pytest.FixtureRequest) -> AsyncIterator[Closing]:
    made: Closing = (
        MemoryLimiter()
        if request.param == "memory"
        else ValkeyLimiter(request.getfixturevalue("valkey").url, deadline_s=5)
    )
    yield made
    await made.aclose()


@pytest.fixture
def subject() -> str:
    """One that no other test counts."""
    return f"key:contract-{next(NAMES)}"


@pytest.mark.req("OP-21")
async def test_a_burst_passes_and_the_call_after_it_does_not(
    limiter: Closing, subject: str
) -> None:
    once = (taking(3, DAY, subject=subject),)

    verdicts = [await limiter.take(f"call-{number}", once) for number in range(4)]

    assert [verdict.refused_by for verdict in verdicts] == [None, None, None, 0]


@pytest.mark.req("OP-22")
async def test_one_subject_does_not_use_up_anothers_allowance(
    limiter: Closing, subject: str
) -> None:
    await limiter.take("one", (taking(1, DAY, subject=subject),))

    verdict = await limiter.take("two", (taking(1, DAY, subject=f"{subject}-other"),))

    assert verdict.refused_by is None


@pytest.mark.req("P-31")
async def test_of_several_rules_all_are_taken_from_or_none(limiter: Closing, subject: str) -> None:
    wide = taking(5, DAY, subject=subject)
    narrow = taking(1, DAY, subject=f"{subject}-narrow")
    await limiter.take("first", (wide, narrow))

    refused = await limiter.take("second", (wide, narrow))
    alone = await limiter.take("third", (wide,))

    assert refused.refused_by == 1
    assert wide.rule.rate.left(alone.levels[0]) == 3


async def test_of_many_at_once_exactly_the_burst_passes(limiter: Closing, subject: str) -> None:
    once = (taking(50, DAY, subject=subject),)

    verdicts = await asyncio.gather(
        *(limiter.take(f"call-{number}", once) for number in range(300))
    )

    assert sum(verdict.refused_by is None for verdict in verdicts) == 50


@pytest.mark.req("P-31")
async def test_tokens_that_were_not_used_are_there_again(limiter: Closing, subject: str) -> None:
    most = (taking(1_000_000, TOKENS, subject=subject, takes=900_000),)
    await limiter.take("one", most)
    refused = await limiter.take("two", most)

    limiter.give_back("one", (Taking(most[0].rule, 800_000),))
    verdict = await limiter.take("three", most)

    assert (refused.refused_by, verdict.refused_by) == (0, None)


async def test_more_than_was_taken_is_never_given_back(limiter: Closing, subject: str) -> None:
    one = (taking(2, DAY, subject=subject),)
    await limiter.take("one", one)

    limiter.give_back("one", (Taking(one[0].rule, 100),))
    verdicts = [await limiter.take("two", one) for _ in range(3)]

    assert [verdict.refused_by for verdict in verdicts] == [None, None, 0]


@pytest.mark.req("S-77")
async def test_so_many_are_inside_at_once_and_whoever_leaves_makes_room(
    limiter: Closing, subject: str
) -> None:
    place = (taking(2, PLACES, subject=subject),)
    verdicts = [await limiter.take(call, place) for call in ("one", "two", "three")]

    limiter.give_back("one", place)
    verdicts.append(await limiter.take("four", place))

    assert [verdict.refused_by for verdict in verdicts] == [None, None, 0, None]


async def test_whoever_leaves_twice_takes_nobodys_place(limiter: Closing, subject: str) -> None:
    place = (taking(1, PLACES, subject=subject),)
    await limiter.take("one", place)
    limiter.give_back("one", place)
    await limiter.take("two", place)

    limiter.give_back("one", place)

    assert (await limiter.take("three", place)).refused_by == 0


async def test_asking_while_limited_does_not_put_the_next_call_off(
    limiter: Closing, subject: str
) -> None:
    often = (Taking(taking(60_000, subject=subject).rule, 1),)
    everything = Taking(often[0].rule, 60_000)
    await limiter.take("all", (everything,))
    deadline = time.monotonic() + 5

    while (await limiter.take("one", often)).refused_by is not None:
        assert time.monotonic() < deadline, "never let in again"
        await asyncio.sleep(0)


@pytest.mark.parametrize("name", ["", "a:b", "{a}", "ключ", "line\nline", "x" * 10_000])
async def test_a_subject_may_be_any_text(limiter: Closing, subject: str, name: str) -> None:
    once = (taking(1, DAY, subject=subject + name),)
    await limiter.take("one", once)

    assert (await limiter.take("two", once)).refused_by == 0
