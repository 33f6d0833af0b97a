from __future__ import annotations

from dataclasses import fields, replace

import pytest

from stores import NOW, Store
from tollhouse.domain.pricing import Price, Tier
from tollhouse.domain.snapshot import Names, Target
from tollhouse.domain.storing import Conflict
from tollhouse.storage import prices, snapshots, tenancy
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


@pytest.mark.req("OT-28", "OT-32", "B-19")
async def test_all_of_a_price_is_read_as_it_was_written(store: Store) -> None:
    await store.write(tenancy.adding_tenant("acme", NOW))
    whole = replace(
        PRICE,
        per_second=5,
        kinds=(("audio_input", 7),),
        tiers=(Tier(200, (("input", 9), ("reasoning", 8))),),
        tenant="acme",
        effective_to_ms=NOW + 1,
        set_by="anna",
    )

    await prices.add(store, whole, NOW)

    (row,) = await prices.rows(store)
    assert NewPrice(**{each.name: getattr(row, each.name) for each in fields(NewPrice)}) == whole
    assert row.price(row.id) == Price(
        row.id, "echo:echo", 1, 2, 3, 4, 0, 0, 5, 0, kinds=whole.kinds, tiers=whole.tiers
    )


@pytest.mark.req("OT-32")
async def test_a_tenants_own_price_holds_for_it_alone_until_its_end(store: Store) -> None:
    await store.write(tenancy.adding_tenant("acme", NOW))
    own = replace(PRICE, input=99, tenant="acme", effective_to_ms=NOW + 1000)
    await prices.add(store, PRICE, NOW)
    await prices.add(store, own, NOW)

    snapshot = await snapshots.load(store, Names({}), requires_price=True)

    def rate(tenant: str, at_ms: int) -> int | None:
        found = snapshot.price(Target("echo", "echo", "echo"), at_ms / 1000, tenant=tenant)
        return found.input if found else None

    assert [rate("acme", NOW + each) for each in (-1, 0, 999, 1000)] == [None, 99, 99, 1]
    assert [rate("other", NOW + each) for each in (-1, 0, 999, 1000)] == [None, 1, 1, 1]


async def test_a_new_price_makes_snapshots_stale(store: Store) -> None:
    before = await snapshots.revision(store)

    await prices.add(store, PRICE, NOW)

    assert await snapshots.revision(store) > before
