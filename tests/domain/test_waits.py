"""Who was refused is refused again unasked for exactly as long as the limiter would."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from limits_given import PLACES, SECOND, rule, taking
from tollhouse.domain.rates import Measure
from tollhouse.domain.waits import LONGEST_US, MOST_REMEMBERED, Waits
from tollhouse.state.memory import MemoryLimiter

pytestmark = pytest.mark.req("OC-53", "P-31")

MINUTE, DAY = Measure.REQUESTS_PER_MINUTE, Measure.REQUESTS_PER_DAY


@given(
    st.integers(1, 500),
    st.sampled_from((MINUTE, DAY)),
    st.lists(st.integers(0, 20 * SECOND), max_size=60),
)
def test_nobody_is_turned_away_whom_the_limiter_would_let_in(
    amount: int, measure: Measure, pauses: list[int]
) -> None:
    now_us, waits, taken = 0, Waits(), (taking(amount, measure),)
    limiter = MemoryLimiter(clock_us=lambda: now_us)

    for pause in pauses:
        now_us += pause
        found = waits.of([taken[0].rule], now_us)
        verdict = asyncio.run(limiter.take("call", taken))

        if found is not None:
            assert verdict.refused_by == 0
            assert found == (taken[0], verdict.levels[0])
        if verdict.refused_by is not None:
            waits.note(taken[0], verdict.levels[0], now_us)


def test_who_was_refused_is_turned_away_until_the_wait_is_over() -> None:
    waits, full = Waits(), rule(1)
    waits.note(taking(1), full.rate.whole, 0)

    assert waits.of([full], 59 * SECOND) is not None
    assert waits.of([full], 60 * SECOND) is None
    assert not waits


def test_a_refusal_of_long_ago_or_of_a_time_to_come_says_nothing() -> None:
    for at_us in (LONGEST_US + 1, -1):
        waits, full = Waits(), rule(1, DAY)
        waits.note(taking(1, DAY), full.rate.whole, 0)

        assert waits.of([full], at_us) is None


@pytest.mark.parametrize("measure", [PLACES, Measure.OUTPUT_TOKENS_PER_DAY])
def test_what_may_be_given_back_at_any_moment_turns_nobody_away(measure: Measure) -> None:
    waits = Waits()

    waits.note(taking(1, measure), 1, 0)

    assert not waits


def test_a_rate_that_was_raised_turns_nobody_away() -> None:
    waits = Waits()
    waits.note(taking(1), rule(1).rate.whole, 0)

    assert waits.of([rule(2)], 1) is None


def test_of_too_many_the_one_known_longest_is_forgotten() -> None:
    waits = Waits()
    for number in range(MOST_REMEMBERED + 1):
        waits.note(taking(1, subject=f"key:{number}"), rule(1).rate.whole, 0)

    assert waits.of([rule(1, subject="key:0")], 1) is None
    assert waits.of([rule(1, subject="key:1")], 1) is not None


def test_who_is_refused_once_more_is_known_from_then_on() -> None:
    waits, whole = Waits(), rule(1).rate.whole
    for number in range(MOST_REMEMBERED):
        waits.note(taking(1, subject=f"key:{number}"), whole, 0)

    waits.note(taking(1, subject="key:5"), whole, 0)
    assert waits.of([rule(1, subject="key:0")], 1) is not None
    for number in range(MOST_REMEMBERED, MOST_REMEMBERED + 9):
        waits.note(taking(1, subject=f"key:{number}"), whole, 0)

    assert waits.of([rule(1, subject="key:8")], 1) is None
    assert waits.of([rule(1, subject="key:5")], 1) is not None


def test_a_refusal_says_something_from_its_very_moment_to_the_last() -> None:
    for at_us in (0, LONGEST_US):
        waits, full = Waits(), rule(1, DAY)
        waits.note(taking(1, DAY), full.rate.whole, 0)

        assert waits.of([full], at_us) is not None
