"""A batch is held for its lines and never owes more than they could."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tollhouse.domain.batches import Batch, Load, Tally, batch_id
from tollhouse.domain.errors import BatchUnknown
from tollhouse.domain.pricing import Kinds, Price, Tier, Usage

pytestmark = pytest.mark.req("OT-51", "P-3")

counts = st.integers(0, 10**9)
rates = st.integers(0, 10**9)
prices = st.builds(Price, st.just(1), st.just("t"), rates, rates, rates, rates, per_call=rates)


@given(prices, st.lists(st.tuples(counts, counts), min_size=1, max_size=20), st.data())
def test_what_a_batch_owes_is_covered_by_what_was_held(
    price: Price, bounds: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Whatever part of its lines was answered, and however the tokens of each are classed."""
    load = Load("u", "m", "t", len(bounds), sum(i for i, _ in bounds), sum(o for _, o in bounds))
    tally = Tally()
    for most_in, most_out in bounds:
        if data.draw(st.booleans()):
            read = data.draw(st.integers(0, most_in))
            written = data.draw(st.integers(0, most_in - read))
            fresh = data.draw(st.integers(0, most_in - read - written))
            tally.add(Usage(fresh, data.draw(st.integers(0, most_out)), read, written))

    assert tally.cost(price) <= load.worst(price) + 1


@given(prices, st.lists(st.tuples(counts, counts), min_size=1, max_size=20))
def test_a_batch_is_held_for_no_less_than_its_lines_one_by_one(
    price: Price, bounds: list[tuple[int, int]]
) -> None:
    """But for what is rounded up on each of them."""
    load = Load("u", "m", "t", len(bounds), sum(i for i, _ in bounds), sum(o for _, o in bounds))

    alone = sum(price.worst(most_in, most_out) for most_in, most_out in bounds)

    assert alone - len(bounds) <= load.worst(price) <= alone + 1


def test_without_a_price_nothing_is_held_and_nothing_owed() -> None:
    tally = Tally()
    tally.add(Usage(5, 5))

    assert Load("u", "m", "t", 1, 5, 5).worst(None) == 0
    assert tally.cost(None) == 0


def test_a_batch_without_an_answer_owes_nothing_though_calls_have_a_price() -> None:
    assert Tally().cost(Price(1, "t", 1, 1, 1, 1, per_call=1000)) == 0


def test_each_answer_is_a_call() -> None:
    tally = Tally()
    for _ in range(3):
        tally.add(Usage())

    assert tally.cost(Price(1, "t", 0, 0, 0, 0, per_call=5000)) == 15


def test_an_answer_that_hides_its_usage_is_counted_as_such() -> None:
    tally = Tally()
    tally.add(None)
    tally.add(Usage(input=3))

    assert (tally.answered, tally.untold, tally.usage) == (2, 1, Usage(input=3))


@pytest.mark.req("OT-28")
def test_a_long_line_is_billed_as_such_and_makes_no_other_dearer() -> None:
    price = Price(1, "t", 1000, 0, 0, 0, per_call=1000, tiers=(Tier(10, (("input", 3000),)),))
    tally = Tally(tiers=price.tiers)
    for tokens in (10, 11, 9):
        tally.add(Usage(tokens))

    assert tally.cost(price) == 10 + 9 + 11 * 3 + 3
    assert tally.usage == Usage(30)


def test_what_is_kept_for_an_hour_is_added_up_too() -> None:
    tally = Tally()
    tally.add(Usage(cache_write=5, kinds=Kinds(long_write=3)))
    tally.add(Usage(cache_write=5, kinds=Kinds(long_write=1)))

    assert tally.usage == Usage(cache_write=10, kinds=Kinds(long_write=4))


@pytest.mark.parametrize(
    "text", ["", "batch_", "batch_XYZ", "batch_a/b", "file-a", "batch_" + "a" * 65, "batch_a\n"]
)
def test_what_no_batch_of_ours_is_called_is_unknown(text: str) -> None:
    with pytest.raises(BatchUnknown):
        batch_id(text)


def test_the_results_of_a_batch_are_called_the_same_by_whoever_writes_them_down() -> None:
    batch = Batch("batch_a", "p", "up", "x", "a", "f", "m", "t", 0, None, "{}", 1, 1)

    assert batch.result("output") == "file-a-output"
