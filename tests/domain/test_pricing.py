"""What a request costs, to the nano-dollar."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.pricing import CLASSES, KINDS, Kinds, Price, Tier, Usage

RATES = st.integers(0, 10**9)
TOKENS = st.integers(0, 10**7)

UNITS = ("images", "seconds", "characters")
PER_UNIT = st.integers(0, 10**12)

prices = st.builds(
    Price,
    *(st.just(1), st.just("m"), RATES, RATES, RATES, RATES),
    *(PER_UNIT, PER_UNIT, PER_UNIT, PER_UNIT),
)
usages = st.builds(Usage, *[TOKENS] * 4, *[st.integers(0, 10**5)] * 3)


def test_a_million_tokens_at_three_dollars_a_million_cost_three_dollars() -> None:
    price = Price(1, "m", input=3_000_000, output=15_000_000, cache_read=300_000, cache_write=0)

    assert price.cost(Usage(input=1_000_000)) == 3_000_000_000
    assert price.cost(Usage(output=100, cache_read=10)) == 1_500_000 + 3_000


@pytest.mark.req("B-20")
def test_an_image_at_four_cents_and_a_character_at_fifteen_dollars_a_million() -> None:
    price = Price(1, "m", 0, 0, 0, 0, per_image=40 * 10**9, per_character=15 * 10**6)

    assert price.cost(Usage(images=2)) == 80_000_000
    assert price.cost(Usage(characters=1_000_000)) == 15_000_000_000
    assert not price.is_free


@given(prices, usages)
def test_the_cost_is_exact_and_rounded_up_once(price: Price, usage: Usage) -> None:
    tokens = sum(getattr(usage, name) * getattr(price, name) for name in CLASSES)
    units = sum(getattr(usage, name) * getattr(price, f"per_{name[:-1]}") for name in UNITS)
    exact = Fraction(tokens + units + price.per_call, 1_000)

    assert exact <= price.cost(usage) < exact + 1


@given(prices, usages, st.sampled_from(CLASSES), TOKENS)
def test_more_tokens_of_any_class_never_cost_less(
    price: Price, usage: Usage, name: str, more: int
) -> None:
    larger = replace(usage, **{name: getattr(usage, name) + more})

    assert price.cost(larger) >= price.cost(usage)


@given(prices, usages, st.sampled_from(CLASSES), RATES)
def test_a_higher_rate_never_costs_less(price: Price, usage: Usage, name: str, more: int) -> None:
    dearer = replace(price, **{name: getattr(price, name) + more})

    assert dearer.cost(usage) >= price.cost(usage)


@pytest.mark.req("P-3")
@given(prices, usages, TOKENS, TOKENS)
def test_no_usage_within_the_bounds_costs_more_than_the_worst(
    price: Price, usage: Usage, spare_input: int, spare_output: int
) -> None:
    input_bound = usage.input + usage.cache_read + usage.cache_write + spare_input

    assert price.cost(usage) <= price.worst(input_bound, usage.output + spare_output, usage)


@given(prices, TOKENS, TOKENS)
def test_the_worst_case_can_happen(price: Price, tokens_in: int, tokens_out: int) -> None:
    dearest = max(("input", "cache_read", "cache_write"), key=lambda name: getattr(price, name))

    usage = replace(Usage(output=tokens_out), **{dearest: tokens_in})

    assert price.cost(usage) == price.worst(tokens_in, tokens_out, usage)


@pytest.mark.req("P-3", "P-15")
@given(prices, usages, st.integers(0, 10**6))
def test_what_is_kept_for_an_hour_costs_twice_its_input_and_is_within_its_own_worst(
    price: Price, usage: Usage, long: int
) -> None:
    kept = replace(usage, kinds=Kinds(long_write=min(long, usage.cache_write)))
    input_bound = kept.input + kept.cache_read + kept.cache_write

    assert price.cost(usage) <= price.cost(kept)
    assert price.cost(kept) <= price.worst(input_bound, kept.output, kept, may_keep_long=True)
    assert kept.total == usage.total


def test_an_hour_in_the_cache_is_billed_at_twice_the_input_unless_the_row_says_more() -> None:
    usual = Price(1, "m", input=3_000_000, output=0, cache_read=300_000, cache_write=3_750_000)
    dearer = replace(usual, cache_write=7_000_000)
    usage = Usage(cache_write=10, kinds=Kinds(long_write=4))

    assert usual.cost(usage) == 6 * 3_750 + 4 * 6_000
    assert dearer.cost(usage) == 10 * 7_000


@given(prices)
def test_only_a_price_of_nothing_is_free(price: Price) -> None:
    assert price.is_free == (price.cost(Usage(1, 1, 1, 1, 1, 1, 1)) == 0)


@given(usages)
def test_the_classes_add_up_to_the_total(usage: Usage) -> None:
    assert usage.total == sum(getattr(usage, name) for name in CLASSES)


RATE_OF_A_KIND = st.dictionaries(st.sampled_from([*KINDS]), RATES)
STEPS = st.dictionaries(
    st.integers(1, 10**7),
    st.dictionaries(st.sampled_from([*CLASSES, *KINDS]), RATES, min_size=1),
    max_size=3,
)


@st.composite
def full_prices(draw: st.DrawFn) -> Price:
    tiers = [
        Tier(above, tuple(sorted(rates.items()))) for above, rates in sorted(draw(STEPS).items())
    ]
    kinds = tuple(sorted(draw(RATE_OF_A_KIND).items()))
    return replace(draw(prices), kinds=kinds, tiers=tuple(tiers))


@st.composite
def full_usages(draw: st.DrawFn) -> Usage:
    """Of each class some tokens are of its kinds."""
    usage = draw(usages)
    left = {name: getattr(usage, name) for name in CLASSES}
    told = {}
    for kind, name in KINDS.items():
        told[kind] = draw(st.integers(0, left[name]))
        left[name] -= told[kind]
    return replace(usage, kinds=Kinds(**told))


@pytest.mark.req("P-3", "P-9", "OT-28")
@given(full_prices(), full_usages(), TOKENS, TOKENS)
def test_whatever_is_billed_apart_no_usage_within_the_bounds_costs_more_than_the_worst(
    price: Price, usage: Usage, spare_input: int, spare_output: int
) -> None:
    bounds = usage.total_input + spare_input, usage.output + spare_output

    cost = price.cost(usage)

    assert 0 <= cost <= price.worst(*bounds, usage, may_keep_long=True)


@pytest.mark.req("P-9")
@given(full_prices(), full_usages())
def test_each_token_is_billed_once_at_the_rate_of_its_kind(price: Price, usage: Usage) -> None:
    at = price.at(usage.total_input)
    rates = {name: getattr(at, name) for name in CLASSES} | {
        kind: getattr(at, name) for kind, name in KINDS.items()
    }
    rates |= {"long_write": at.long_write, **dict(at.kinds)}
    tokens = sum(count * rates[name] for name, count in usage.parts().items())
    units = sum(getattr(usage, name) * getattr(at, f"per_{name[:-1]}") for name in UNITS)

    assert price.cost(usage) == -(-(tokens + units + at.per_call) // 1_000)
    assert sum(usage.parts().values()) == usage.total
    assert min(usage.parts().values()) >= 0


@pytest.mark.req("OT-28")
@pytest.mark.parametrize(
    ("prompt", "nanos"),
    [
        (200_000, 200_000 * 1_250 + 10 * 10_000),
        (200_001, 200_001 * 2_500 + 10 * 15_000),
        (400_001, 400_001 * 2_500 + 10 * 30_000),
    ],
)
def test_the_highest_threshold_that_is_passed_prices_the_whole_request(
    prompt: int, nanos: int
) -> None:
    steps = (
        Tier(200_000, (("input", 2_500_000), ("output", 15_000_000))),
        Tier(400_000, (("input", 2_500_000), ("output", 30_000_000))),
    )
    price = Price(1, "m", 1_250_000, 10_000_000, 310_000, 1_250_000, tiers=steps)

    assert price.cost(Usage(prompt, 10)) == nanos


@pytest.mark.req("OT-28")
def test_what_a_tier_does_not_name_costs_what_it_did() -> None:
    price = Price(1, "m", 1_000, 2_000, 500, 1_000, tiers=(Tier(10, (("input", 3_000),)),))

    assert price.cost(Usage(input=1, cache_read=10, output=1)) == 3 + 5 + 2


def test_a_prompt_that_is_mostly_read_from_a_cache_is_a_long_one_too() -> None:
    price = Price(1, "m", 1_000, 0, 1_000, 1_000, tiers=(Tier(10, (("cache_read", 2_000),)),))

    assert price.cost(Usage(input=1, cache_read=9)) == 10
    assert price.cost(Usage(input=1, cache_read=10)) == 21


def test_sound_costs_its_own_rate_and_what_is_read_of_it_again_another() -> None:
    kinds = (("audio_input", 40_000_000), ("audio_read", 2_500_000))
    price = Price(1, "m", 2_500_000, 10_000_000, 1_250_000, 2_500_000, kinds=kinds)
    usage = Usage(input=30, cache_read=10, kinds=Kinds(audio_input=20, audio_read=10))

    assert price.cost(usage) == 10 * 2_500 + 20 * 40_000 + 10 * 2_500


@pytest.mark.parametrize(
    "price",
    [
        Price(1, "m", 0, 0, 0, 0, kinds=(("audio_input", 1),)),
        Price(1, "m", 0, 0, 0, 0, tiers=(Tier(10, (("input", 1),)),)),
    ],
)
def test_what_costs_something_of_a_kind_or_above_a_threshold_is_not_free(price: Price) -> None:
    assert not price.is_free
