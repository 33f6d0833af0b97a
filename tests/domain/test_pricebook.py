from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.pricebook import (
    dollars_per_million,
    dollars_per_unit,
    listing,
    pricebook,
    rate,
    unit_rate,
)
from tollhouse.domain.pricing import Price, Tier, Usage


@pytest.mark.parametrize(
    ("amount", "picos"),
    [
        ("3", 3_000_000),
        ("0.15", 150_000),
        ("0.000001", 1),
        ("0.100000000000", 100_000),
        ("0", 0),
        ("1000000", 1_000_000_000_000),
        (15, 15_000_000),
    ],
)
def test_dollars_per_million_become_whole_pico_dollars_per_token(
    amount: object, picos: int
) -> None:
    assert rate(amount) == picos


@pytest.mark.req("OT-28")
@pytest.mark.parametrize("amount", ["-1", "-0", "NaN", "nan", "inf", "-inf", "Infinity", "1e400"])
def test_what_is_negative_or_not_finite_is_refused(amount: str) -> None:
    with pytest.raises(FieldInvalid):
        rate(amount)


@pytest.mark.parametrize("amount", [True, False, 0.15, None, [], Decimal("1")])
def test_only_text_and_whole_numbers_are_amounts(amount: object) -> None:
    with pytest.raises(FieldInvalid):
        rate(amount)


@pytest.mark.parametrize(
    "amount", ["", " 1", "1 ", "1.", ".5", "1,5", "1_000", "+1", "0x1", "1e3", "٣", "1\n", "$3"]
)
def test_an_amount_is_plain_decimals_and_nothing_else(amount: str) -> None:
    with pytest.raises(FieldInvalid):
        rate(amount)


@pytest.mark.parametrize("amount", ["0.1000000000000", "0.0000001", "0.000000000001"])
def test_what_a_whole_pico_dollar_cannot_say_is_refused_and_not_rounded(amount: str) -> None:
    with pytest.raises(FieldInvalid, match="decimals"):
        rate(amount)


@pytest.mark.parametrize("amount", ["1000000.000001", "999999999999", "1" * 30, 10**40, -1])
def test_more_than_a_dollar_a_token_or_less_than_nothing_is_a_slip(amount: object) -> None:
    with pytest.raises(FieldInvalid):
        rate(amount)


@given(st.integers(min_value=0, max_value=10**12))
def test_a_rate_survives_being_written_and_read(picos: int) -> None:
    assert rate(dollars_per_million(picos)) == picos


@given(st.decimals(min_value=0, max_value=10**6, places=6))
def test_a_rate_is_exact(amount: Decimal) -> None:
    assert rate(f"{amount:f}") == amount * 10**6


@pytest.mark.req("B-20")
@given(st.integers(min_value=0, max_value=10**15))
def test_a_rate_per_unit_survives_being_written_and_read(picos: int) -> None:
    assert unit_rate(dollars_per_unit(picos)) == picos


@pytest.mark.req("B-20")
def test_a_row_may_have_rates_per_unit() -> None:
    row = listing(
        a_row(per_image="0.04", per_character="0.000015", per_second="0.0001", per_call="1")
    )

    price = row.price(7)

    assert (price.per_image, price.per_character) == (40 * 10**9, 15 * 10**6)
    assert (price.per_second, price.per_call) == (10**8, 10**12)


@pytest.mark.parametrize(
    "amount", ["-1", "1e3", "", "1000.000000000001", 1, 0.5, None, "0." + "0" * 13]
)
def test_a_rate_per_unit_is_plain_text_and_no_slip(amount: object) -> None:
    with pytest.raises(FieldInvalid):
        unit_rate(amount)


def test_a_refusal_names_the_member() -> None:
    with pytest.raises(FieldInvalid) as refused:
        pricebook({"version": "2026-11", "price": [a_row(), a_row(target="a:b", output="-1")]})

    assert refused.value.param == "price[1].output"


@pytest.mark.req("D.1.9")
def test_without_cache_rates_cached_tokens_cost_what_fresh_ones_cost() -> None:
    price = listing(a_row(input="2", output="8")).price(7)

    assert price == Price(7, "openai:some-model", 2_000_000, 8_000_000, 2_000_000, 2_000_000)
    assert price.cost(Usage(cache_read=10, cache_write=5)) == price.cost(Usage(input=15))


@pytest.mark.req("OT-28", "D.1.9")
def test_cache_rates_stand_beside_the_input_rate() -> None:
    row = listing(a_row(input="2", cache_read="0.5", cache_write="0"))

    assert (row.input, row.cache_read, row.cache_write) == (2_000_000, 500_000, 0)


@pytest.mark.req("B-19")
def test_a_row_says_who_says_so_and_from_when() -> None:
    row = listing(a_row(source="the invoice", effective=date(2026, 11, 1)))

    assert row.source == "the invoice"
    assert datetime.fromtimestamp(row.effective_at, UTC) == datetime(2026, 11, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "fault",
    [
        {"source": " "},
        {"source": None},
        {"effective": "2026-11-01"},
        {"effective": datetime(2026, 11, 1, tzinfo=UTC)},
        {"target": "no-kind"},
        {"target": "openai:has blank"},
        {"target": None},
        {"cache_raed": "1"},
        {"cache_read": None},
        {"audio_input": "-1"},
        {"reasoning": 3.0},
        {"tiers": {}},
        {"tiers": [7]},
        {"tiers": [{"above": 9}]},
        {"tiers": [{"input": "1"}]},
        {"tiers": [{"above": 0, "input": "1"}]},
        {"tiers": [{"above": True, "input": "1"}]},
        {"tiers": [{"above": 9, "input": "NaN"}]},
        {"tiers": [{"above": 9, "per_call": "1"}]},
        {"tiers": [{"above": 9, "input": "1"}, {"above": 9, "output": "1"}]},
        {"tiers": [{"above": each, "input": "1"} for each in range(1, 18)]},
    ],
)
def test_a_row_that_is_not_understood_is_refused(fault: dict[str, object]) -> None:
    with pytest.raises(FieldInvalid):
        listing(a_row(**fault))


@pytest.mark.parametrize("absent", ["target", "input", "output", "source", "effective"])
def test_a_row_needs_its_members(absent: str) -> None:
    row = a_row()
    del row[absent]

    with pytest.raises(FieldInvalid, match=absent):
        listing(row)


def test_a_target_has_one_price_a_day() -> None:
    with pytest.raises(FieldInvalid, match="once"):
        pricebook({"version": "2026-11", "price": [a_row(), a_row(input="9")]})


@pytest.mark.parametrize(
    "document",
    [{}, {"version": "1"}, {"version": "", "price": []}, {"version": "1", "price": ["row"]}],
)
def test_a_book_has_a_version_and_rows(document: dict[str, object]) -> None:
    with pytest.raises(FieldInvalid):
        pricebook(document)


def a_row(**members: object) -> dict[str, object]:
    return {
        "target": "openai:some-model",
        "input": "1",
        "output": "2",
        "source": "a test",
        "effective": date(2026, 11, 1),
        **members,
    }


@pytest.mark.req("OT-28")
def test_tiers_are_put_in_order_and_kinds_by_their_names() -> None:
    tiers = [{"above": 400, "output": "9"}, {"above": 200, "input": "3", "audio_input": "5"}]

    row = listing(a_row(tiers=tiers, reasoning="3", audio_input="4"))

    assert row.price(1).kinds == (("audio_input", 4_000_000), ("reasoning", 3_000_000))
    assert row.price(1).tiers == (
        Tier(200, (("audio_input", 5_000_000), ("input", 3_000_000))),
        Tier(400, (("output", 9_000_000),)),
    )
