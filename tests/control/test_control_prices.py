from __future__ import annotations

import pytest

from stores import NOW
from tollhouse.control import prices
from tollhouse.control.prices import FREE, Rates
from tollhouse.data import seed_prices
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.storing import Conflict
from tollhouse.storage.sqlite import SqliteDatabase


@pytest.mark.req("OT-28", "OT-30")
async def test_a_new_price_leaves_the_old_row_as_it_was(sqlite: SqliteDatabase) -> None:
    await prices.set_price(sqlite, "a:m", Rates("3", "15"), None, NOW)
    (before,) = await prices.history(sqlite, "a:m")

    await prices.set_price(sqlite, "a:m", Rates("2", "8", cache_read="0.5"), None, NOW + 1)

    newest, oldest = await prices.history(sqlite, "a:m")
    assert oldest == before
    assert (newest.input, newest.output) == (2_000_000, 8_000_000)
    assert (newest.cache_read, newest.cache_write) == (500_000, 2_000_000)


async def test_a_price_of_tomorrow_is_not_in_force_today(sqlite: SqliteDatabase) -> None:
    await prices.set_price(sqlite, "a:m", FREE, None, NOW)
    await prices.set_price(sqlite, "a:m", Rates("3", "15"), NOW + 1000, NOW)

    (today,) = await prices.in_force(sqlite, NOW)
    (tomorrow,) = await prices.in_force(sqlite, NOW + 1000)

    assert (today.input, tomorrow.input) == (0, 3_000_000)


async def test_two_prices_from_one_moment_are_a_conflict(sqlite: SqliteDatabase) -> None:
    await prices.set_price(sqlite, "a:m", FREE, NOW, NOW)

    with pytest.raises(Conflict, match="never changed"):
        await prices.set_price(sqlite, "a:m", Rates("3", "15"), NOW, NOW)


@pytest.mark.parametrize("target", ["", "m", "A:m", "a:", "a:m m"])
async def test_a_price_of_no_target_is_refused(sqlite: SqliteDatabase, target: str) -> None:
    with pytest.raises(FieldInvalid):
        await prices.set_price(sqlite, target, FREE, None, NOW)


@pytest.mark.req("OT-31")
async def test_seeding_twice_changes_nothing(sqlite: SqliteDatabase) -> None:
    listings = seed_prices().listings

    first = await prices.seed(sqlite, listings, NOW)
    second = await prices.seed(sqlite, listings, NOW)

    assert len(first.added) == len(listings)
    assert second.added == ()


@pytest.mark.req("OT-31")
async def test_what_an_operator_priced_is_left_alone(sqlite: SqliteDatabase) -> None:
    await prices.set_price(sqlite, "echo:echo", FREE, None, NOW)

    seeded = await prices.seed(sqlite, seed_prices().listings, NOW)

    assert seeded.kept == ("echo:echo",)
    assert len(await prices.history(sqlite, "echo:echo")) == 1
