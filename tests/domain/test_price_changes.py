from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.price_changes import Move, moves
from tollhouse.domain.pricing import Kinds, Price, Tier, Usage

pytestmark = pytest.mark.req("B-19")

PRICE = Price(1, "m", 3_000, 15_000, 300, 3_750)
RATES = st.integers(0, 10**6)
prices = st.builds(
    Price,
    *(st.just(1), st.just("m"), RATES, RATES, RATES, RATES),
    kinds=st.dictionaries(st.sampled_from(["audio_input", "reasoning"]), RATES).map(
        lambda rates: tuple(sorted(rates.items()))
    ),
    tiers=st.dictionaries(st.integers(1, 1000), RATES, max_size=2).map(
        lambda steps: tuple(
            Tier(above, (("input", rate),)) for above, rate in sorted(steps.items())
        )
    ),
)


def test_what_stays_is_not_told() -> None:
    assert moves(PRICE, replace(PRICE, id=2, model="other")) == ()
    assert moves(PRICE, replace(PRICE, output=18_000)) == (Move("output", 0, 15_000, 18_000),)


def test_a_kind_that_gets_a_rate_of_its_own_had_that_of_its_class() -> None:
    moved = moves(PRICE, replace(PRICE, kinds=(("audio_input", 9_000),)))

    assert moved == (Move("audio_input", 0, 3_000, 9_000),)


def test_a_new_threshold_moves_what_longer_prompts_cost_and_nothing_else() -> None:
    moved = moves(PRICE, replace(PRICE, tiers=(Tier(200, (("input", 6_000),)),)))

    assert moved == (Move("input", 200, 3_000, 6_000),)


@pytest.mark.parametrize(
    ("old", "new", "is_jump"),
    [
        (100, 1_000, False),
        (100, 1_001, True),
        (1_000, 100, False),
        (1_001, 100, True),
        (0, 1, True),
        (1, 0, True),
    ],
)
def test_more_than_ten_times_either_way_is_a_jump(old: int, new: int, is_jump: bool) -> None:
    assert Move("input", 0, old, new).is_jump == is_jump


def test_a_factor_is_exact() -> None:
    assert Move("input", 0, 3, 1).factor == Fraction(1, 3)


@given(
    prices,
    prices,
    st.integers(0, 3000),
    st.integers(0, 3000),
    st.integers(0, 99),
    st.integers(0, 99),
)
def test_prices_without_a_move_between_them_cost_the_same(
    old: Price, new: Price, prompt: int, output: int, heard: int, thought: int
) -> None:
    kinds = Kinds(audio_input=min(heard, prompt), reasoning=min(thought, output))
    usage = Usage(prompt, output, kinds=kinds)

    if not moves(old, new):
        assert old.cost(usage) == new.cost(usage)
    assert moves(old, old) == ()
    assert [(move.new, move.old) for move in moves(old, new)] == [
        (move.old, move.new) for move in moves(new, old)
    ]
