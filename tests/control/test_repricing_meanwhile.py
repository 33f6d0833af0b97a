"""Calls are priced anew while others settle, fold, correct, or break off: each is done once, and the books add up."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from itertools import count

import pytest

from control.repriced import TARGET, priced, reprice, settled
from stores import DAY_MS, NOW, Store, acme_key, assert_sound, spent
from tollhouse.control import (
    budgets,
    repricing,
    retention,
)
from tollhouse.control.budgets import Grant
from tollhouse.domain import periods
from tollhouse.domain.errors import StoreUnavailable
from tollhouse.domain.storing import Conflict
from tollhouse.ports import Row, Statement, Value
from tollhouse.storage import corrections
from tollhouse.storage.corrections import Correction, Repricing, Wanted
from tollhouse.storage.sqlite import SqliteDatabase

pytestmark = pytest.mark.req("OT-34")


async def test_a_window_that_ends_meanwhile_is_seen_and_the_page_done_anew(store: Store) -> None:
    key = await acme_key(store)
    start = budgets.Start(periods.period("month", "UTC"), NOW)
    await budgets.grant(store, "tenant:acme", Grant(is_granted=True, limit=10**10), start)
    row = await priced(store, "9", at_ms=NOW - DAY_MS)
    await settled(store, key, "c1", 9_000_000, price=row)
    new = await priced(store, "2")

    async def roll() -> None:
        await settled(store, key, "c2", 9_000_000, price=row, at_ms=NOW + 31 * DAY_MS)

    done = await reprice(Meanwhile(store, roll), price=new.id)

    (over,) = await budgets.rolls(store, "tenant:acme", 10)
    assert (done.updated, over.spent) == (2, 2_000_000)
    assert (await spent(store))["tenant:acme"] == 2_000_000
    await assert_sound(store)


async def test_what_is_folded_meanwhile_stays_as_it_was(store: Store) -> None:
    key = await acme_key(store)
    await settled(store, key, "c1", 0)
    await priced(store, "2")

    async def fold() -> None:
        await retention.fold(store, 1, NOW + 3 * DAY_MS)

    done = await reprice(Meanwhile(store, fold))

    assert (done.matched, await spent(store)) == (0, {})
    assert await repricing.kept(store, "", "", 10) == []
    await assert_sound(store)


async def test_who_folds_and_who_corrects_take_turns(store: Store) -> None:
    key = await acme_key(store)
    await settled(store, key, "c1", 0)
    await priced(store, "2")
    turns = [await turn(store)]

    await reprice(store)
    turns.append(await turn(store))
    await retention.fold(store, 1, NOW + 3 * DAY_MS)
    turns.append(await turn(store))

    assert turns == [turns[0], turns[0] + 1, turns[0] + 2]


async def test_who_is_always_disturbed_gives_up_and_has_changed_nothing(store: Store) -> None:
    key = await acme_key(store)
    await settled(store, key, "c1", 0)
    rows = [await priced(store, "2"), await priced(store, "3", at_ms=NOW - 5)]
    times = count()

    async def disturb() -> None:
        await reprice(store, price=rows[next(times) % 2].id)

    third = await priced(store, "4", at_ms=NOW - 6)
    with pytest.raises(Conflict, match="all the time"):
        await reprice(Meanwhile(store, disturb, is_always=True), price=third.id)

    assert {each.price for each in await repricing.kept(store, "", "", 10)} <= {
        row.id for row in rows
    }
    await assert_sound(store)


async def test_a_call_that_was_changed_meanwhile_refuses_its_page(store: Store) -> None:
    key = await acme_key(store)
    await settled(store, key, "c1", 0)
    await settled(store, key, "c2", 0)
    row = await priced(store, "2")
    read = await corrections.page(store, Wanted(TARGET), "", 10)
    await corrections.correct(
        store, Repricing("r1", "me", NOW), [Correction(read[1], 2_000_000, row.id)]
    )

    with pytest.raises(Conflict):
        await corrections.correct(
            store,
            Repricing("r2", "me", NOW),
            [Correction(each, 3_000_000, row.id) for each in read],
        )

    assert (await spent(store))["tenant:acme"] == 2_000_000
    await assert_sound(store)


async def test_of_many_who_do_it_at_once_each_call_is_done_once(store: Store) -> None:
    key = await acme_key(store)
    for number in range(30):
        await settled(store, key, f"c{number:02d}", 0)
    row = await priced(store, "2")

    await asyncio.gather(*(reprice(store, price=row.id) for _ in range(3)))

    assert len(await repricing.kept(store, "", "", 100)) == 30
    assert (await spent(store))["tenant:acme"] == 60_000_000
    await assert_sound(store)


async def test_what_was_cut_off_goes_on_and_does_no_call_twice(sqlite: SqliteDatabase) -> None:
    key = await acme_key(sqlite)
    for number in range(repricing.PAGE + 20):
        await settled(sqlite, key, f"c{number:03d}", 0)
    row = await priced(sqlite, "2")
    pages = count()

    async def cut() -> None:
        if next(pages) == 1:
            raise StoreUnavailable

    with pytest.raises(StoreUnavailable):
        await reprice(Meanwhile(sqlite, cut, is_always=True), price=row.id)
    half = (await spent(sqlite))["tenant:acme"]
    await assert_sound(sqlite)
    rest = await reprice(sqlite, price=row.id)

    assert half == repricing.PAGE * 2_000_000
    assert (rest.updated, rest.unchanged) == (20, repricing.PAGE)
    assert (await spent(sqlite))["tenant:acme"] == (repricing.PAGE + 20) * 2_000_000
    assert {each.number for each in await repricing.kept(sqlite, "", "", 1000)} == {0}
    await assert_sound(sqlite)


class Meanwhile:
    """A store in which something happens between what is read and what is written."""

    def __init__(
        self, store: Store, happens: Callable[[], Awaitable[None]], *, is_always: bool = False
    ) -> None:
        self._store = store
        self._happens: Callable[[], Awaitable[None]] | None = happens
        self._is_always = is_always

    async def read(self, sql: str, *values: Value) -> list[Row]:
        return await self._store.read(sql, *values)

    async def write(self, *statements: Statement) -> list[int]:
        happens = self._happens
        if not self._is_always:
            self._happens = None
        if happens is not None:
            await happens()
        return await self._store.write(*statements)

    async def changed(self) -> None:
        await self._store.changed()

    async def migrate(self, *, apply: bool = True) -> list[str]:
        return await self._store.migrate(apply=apply)

    async def close(self) -> None:
        await self._store.close()


async def turn(store: Store) -> int:
    ((value,),) = await store.read("SELECT value FROM control WHERE name = 'corrections'")
    return int(value)
