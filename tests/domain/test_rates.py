"""The arithmetic of rates."""

from __future__ import annotations

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.rates import COUNTED, EXACT, MICROS_PER_SECOND, MOST, Measure, Rate

TIMED = [measure for measure in COUNTED if measure is not Measure.CONCURRENT]
AMOUNTS = st.one_of(st.integers(1, 300), st.integers(1, 10**6), st.integers(1, MOST))
RATES = st.builds(Rate, st.sampled_from(TIMED), AMOUNTS)
BURSTS = st.builds(
    Rate, st.just(Measure.REQUESTS_PER_MINUTE), st.integers(1, 10_000), st.integers(1, 10_000)
)
STEPS = st.lists(
    st.tuples(st.integers(0, 200 * MICROS_PER_SECOND), st.floats(0, 1)), max_size=60
)  # a pause, and which share of the burst is asked for


@pytest.mark.req("P-31", "OP-21")
@given(st.one_of(RATES, BURSTS), STEPS)
def test_it_decides_like_a_bucket_counted_in_fractions(
    rate: Rate, steps: list[tuple[int, float]]
) -> None:
    model, at, level, now_us = _Model(rate), 0, 0, 0

    for pause_us, share in steps:
        now_us += pause_us - pause_us % rate.unit_us
        amount = max(1, int(rate.burst * share))
        now = now_us // rate.unit_us
        level = rate.level(at, level, now)
        at, passes = now, rate.lacks(level, amount) <= 0
        level += amount * rate.cost if passes else 0

        assert passes == model.takes(amount, now_us)
        assert rate.left(level) == model.left


@given(RATES, STEPS)
def test_whoever_waits_as_long_as_told_passes_and_not_much_sooner(
    rate: Rate, steps: list[tuple[int, float]]
) -> None:
    at = level = now_us = 0

    for pause_us, share in steps:
        now_us += pause_us
        amount = max(1, int(rate.burst * share))
        level = rate.level(at, level, now_us // rate.unit_us)
        at, lacks = now_us // rate.unit_us, rate.lacks(level, amount)
        if lacks > 0:
            wait = rate.wait_us(lacks) // rate.unit_us
            assert rate.lacks(rate.level(at, level, at + wait), amount) <= 0
            assert rate.lacks(rate.level(at, level, at + wait - 1), amount) > 0
        else:
            level += amount * rate.cost


@given(st.sampled_from(TIMED), AMOUNTS)
def test_no_number_is_too_large_for_a_double(measure: Measure, amount: int) -> None:
    rate = Rate(measure, amount)

    assert rate.whole + rate.flow <= 2 * EXACT
    assert rate.cost * MICROS_PER_SECOND * rate.amount == (
        rate.flow * COUNTED[measure][1] * MICROS_PER_SECOND * MICROS_PER_SECOND // rate.unit_us
    )


@given(RATES, st.integers(0, 2**50), st.integers(0, 2**50))
def test_a_clock_that_was_set_back_lets_nothing_run_out(rate: Rate, one: int, other: int) -> None:
    later, sooner = max(one, other), min(one, other)

    assert rate.level(later, rate.whole, sooner) == rate.whole


@pytest.mark.parametrize(("amount", "burst"), [(0, 0), (-1, 0), (MOST + 1, 0), (1, -1)])
def test_a_rate_that_lets_nothing_through_is_a_mistake(amount: int, burst: int) -> None:
    with pytest.raises(ValueError, match="no limit"):
        Rate(Measure.REQUESTS_PER_MINUTE, amount, burst)


@pytest.mark.parametrize(
    ("rate", "words"),
    [
        (Rate(Measure.REQUESTS_PER_MINUTE, 240), "240 requests per minute"),
        (Rate(Measure.REQUESTS_PER_MINUTE, 240, 5), "240 requests per minute, 5 at once"),
        (Rate(Measure.INPUT_TOKENS_PER_DAY, 10**6), "1000000 input tokens per day"),
        (Rate(Measure.CONCURRENT, 4), "4 calls at once"),
    ],
)
def test_a_rate_says_what_it_is(rate: Rate, words: str) -> None:
    assert str(rate) == words


class _Model:
    """The textbook's token bucket, without rounding."""

    def __init__(self, rate: Rate) -> None:
        self.burst = rate.burst
        self.per_us = Fraction(rate.amount, rate.period_s * MICROS_PER_SECOND)
        self.tokens = Fraction(rate.burst)
        self.at_us = 0

    @property
    def left(self) -> int:
        return int(self.tokens)

    def takes(self, amount: int, now_us: int) -> bool:
        gained = (now_us - self.at_us) * self.per_us
        self.tokens, self.at_us = min(Fraction(self.burst), self.tokens + gained), now_us
        if self.tokens < amount:
            return False
        self.tokens -= amount
        return True


def test_as_much_at_once_as_there_may_be_of_anything() -> None:
    rate = Rate(Measure.REQUESTS_PER_MINUTE, 7, MOST)

    assert rate.burst == MOST
    assert rate.whole <= EXACT


def test_what_runs_out_is_exact_though_little_of_it_is_let_in_at_once() -> None:
    much, little = (Rate(Measure.REQUESTS_PER_MINUTE, 9_999_999_967, burst) for burst in (0, 1))

    assert (much.unit_us, much.cost, much.flow) == (little.unit_us, little.cost, little.flow)
