from __future__ import annotations

import pytest

from stores import NOW, Store
from tollhouse.domain.storing import Conflict
from tollhouse.storage import prices, snapshots
from tollhouse.storage.prices import NewPrice

PRICE = NewPrice("echo:echo", 1, 2, 3, 4, NOW, "test")


@pytest.mark.req("OT-30")
async def test_a_price_is_never_changed_in_place(store: Store) -> None:
    await prices.add(store, PRICE, NOW)

    with pytest.raises(Conflict):
        await prices.add(store, PRICE, NOW)


async def test_missing_prices_are_added_and_the_others_left_alone(store: Store) -> None:
    await prices.add(store, PRICE, NOW)
    other = NewPrice("echo:other", 1, 2, 3, 4, NOW, "test")

    added = await prices.add_missing(store, [PRICE, other], NOW)
    again = await prices.add_missing(store, [PRICE, other], NOW)

    assert added == [other]
    assert again == []


async def test_a_new_price_makes_snapshots_stale(store: Store) -> None:
    before = await snapshots.revision(store)

    await prices.add(store, PRICE, NOW)

    assert await snapshots.revision(store) > before
