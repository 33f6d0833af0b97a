from __future__ import annotations

import pytest

from stores import NOW, Store, acme_key, hold
from tollhouse.control import prices
from tollhouse.control.keys import Issued
from tollhouse.control.prices import Rates
from tollhouse.control.recompute import Difference, recompute
from tollhouse.domain.batches import Batch
from tollhouse.domain.budget import Outcome, Settlement, Source
from tollhouse.domain.pricing import Kinds, Price, Usage
from tollhouse.storage import batches

pytestmark = pytest.mark.req("OT-30", "B-19", "P-9")

USAGE = Usage(1000, 50, 300, 40, kinds=Kinds(audio_input=10, reasoning=20, long_write=30))
RATES = Rates(
    "3",
    "15",
    cache_read="0.3",
    cache_write="3.75",
    per_call="0.001",
    kinds={"audio_input": "40", "reasoning": "20"},
    tiers=[{"above": 1200, "input": "6"}],
)


async def test_a_total_is_reproduced_from_usage_and_the_row_that_was_in_force(
    store: Store, key: Issued
) -> None:
    price = await priced(store)
    cost = price.cost(USAGE)
    await settled(store, key, "c1", cost, price=price.id)
    await settled(store, key, "c2", 7, price=price.id, held=7, anomaly="over_bound")
    await settled(store, key, "c3", 0, usage=Usage(), source=Source.NOTHING)
    await settled(store, key, "c4", 100, usage=Usage(), source=Source.HOLD, held=100)

    await prices.set_price(store, "a:m", Rates("99", "99"), None, NOW + 1)
    found = await recompute(store)

    assert found.differences == []
    assert (found.calls, found.owed, found.recomputed) == (4, cost + 107, cost + 107)


async def test_what_was_resolved_by_hand_is_taken_as_it_is(store: Store, key: Issued) -> None:
    await settled(store, key, "c1", 55, usage=Usage(), source=Source.OPERATOR)

    found = await recompute(store)

    assert (found.apart, found.owed, found.recomputed, found.differences) == (1, 55, 55, [])


async def test_a_row_that_was_tampered_with_is_named(store: Store, key: Issued) -> None:
    price = await priced(store)
    await settled(store, key, "c1", price.cost(USAGE), price=price.id)
    await store.write(("UPDATE calls SET owed = owed - 1 WHERE id = $1", ("c1",)))

    (difference,) = (await recompute(store)).differences

    assert difference == Difference("c1", price.id, price.cost(USAGE) - 1, price.cost(USAGE))


async def test_a_call_whose_price_is_gone_cannot_be_reproduced(store: Store, key: Issued) -> None:
    await settled(store, key, "c1", 5, price=999)

    (difference,) = (await recompute(store)).differences

    assert difference == Difference("c1", 999, 5, None)


async def test_a_batch_that_a_call_or_a_long_line_is_billed_apart_in_is_taken_as_it_is(
    store: Store, key: Issued
) -> None:
    price = await priced(store)
    await settled(store, key, "c1", 123, price=price.id)
    whose = ("acme/default", "up", "theirs", "c1", "file-1", "small", "a:m")
    await batches.add(store, Batch("batch_c1", *whose, 0, price, "{}", NOW, NOW))

    found = await recompute(store)

    assert (found.apart, found.owed, found.recomputed, found.differences) == (1, 123, 123, [])


async def test_only_calls_that_began_since_then_are_looked_at(store: Store, key: Issued) -> None:
    await settled(store, key, "c1", 5, price=999)

    assert (await recompute(store, NOW + 1)).calls == 0
    assert (await recompute(store, NOW)).calls == 1


@pytest.fixture
async def key(store: Store) -> Issued:
    return await acme_key(store)


async def priced(store: Store) -> Price:
    await prices.set_price(store, "a:m", RATES, None, NOW)
    (row,) = await prices.history(store, "a:m")
    return row.price(row.id)


async def settled(
    store: Store,
    key: Issued,
    call: str,
    owed: int,
    *,
    usage: Usage = USAGE,
    source: Source = Source.PROVIDER,
    price: int | None = None,
    held: int = 10**8,
    anomaly: str | None = None,
) -> None:
    await hold(store, key, call, held)
    await store.settle(
        Settlement(call, Outcome.COMPLETED, owed, usage, source, "a:m", price, NOW + 1, (), anomaly)
    )
