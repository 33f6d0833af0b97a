from __future__ import annotations

import asyncio
from pathlib import Path
from tempfile import TemporaryDirectory
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from stores import DAY_MS, NOW, acme_key, hold, settle
from tollhouse.control import budgets, reports, retention, sweeping, usage
from tollhouse.domain.errors import FieldInvalid
from tollhouse.domain.reports import By, Line, Scope
from tollhouse.storage.budgets import Difference
from tollhouse.storage.calls import Filter
from tollhouse.storage.sqlite import SqliteDatabase

KEPT = [by for by in By if by is not By.END_USER]
CALLS = st.lists(
    st.tuples(st.integers(0, 5), st.integers(0, 90), st.none() | st.integers(0, 90)), max_size=8
)


@pytest.mark.req("P-26", "P-11")
@settings(max_examples=20, deadline=None)
@given(CALLS, st.lists(st.integers(1, 6), min_size=1, max_size=3))
def test_folding_changes_no_report_and_no_balance(
    calls: list[tuple[int, int, int | None]], keep_days: list[int]
) -> None:
    before, after, differences = asyncio.run(_folded(calls, keep_days))

    assert after == before
    assert differences == []


async def test_calls_of_the_days_to_keep_stay(sqlite: SqliteDatabase) -> None:
    await _two_days(sqlite)

    folded = await retention.fold(sqlite, 1, NOW + 2 * DAY_MS)

    left = await usage.listed(sqlite, Filter(), 10)
    assert (folded.calls, [call.id for call in left]) == (1, ["new"])


async def test_end_users_that_are_not_kept_are_not_made_up(sqlite: SqliteDatabase) -> None:
    await _two_days(sqlite)
    await retention.fold(sqlite, 1, NOW + 2 * DAY_MS)
    kept_ms = NOW - NOW % DAY_MS + DAY_MS

    with pytest.raises(FieldInvalid, match="before 2027-01-16 are not kept"):
        await reports.report(sqlite, [By.END_USER], Scope(from_ms=kept_ms - DAY_MS))

    late = await reports.report(sqlite, [By.END_USER], Scope(from_ms=kept_ms))
    assert late.total.calls == 1


async def test_a_part_of_a_folded_day_is_not_made_up(sqlite: SqliteDatabase) -> None:
    await _two_days(sqlite)
    await retention.fold(sqlite, 1, NOW + 2 * DAY_MS)
    berlin, midnight = ZoneInfo("Europe/Berlin"), NOW - NOW % DAY_MS

    with pytest.raises(FieldInvalid, match="2027-01-16"):
        await reports.report(sqlite, [By.TENANT], Scope(from_ms=midnight + 1))
    with pytest.raises(FieldInvalid):
        await reports.report(sqlite, [By.MONTH], Scope(), berlin)

    late = await reports.report(sqlite, [By.DAY], Scope(from_ms=midnight + DAY_MS), berlin)
    whole = await reports.report(sqlite, [By.TENANT], Scope(from_ms=midnight), berlin)
    assert (late.total.calls, whole.total.calls) == (1, 2)


async def test_one_process_folds_for_all(sqlite: SqliteDatabase) -> None:
    for owner, lease_s in (("1-dead", 1), ("2-first", 30), ("3-second", 30)):
        await sweeping.register(sqlite, owner, "host", 1, lease_s, NOW)

    firsts = {
        each: await retention.is_first(sqlite, each, NOW + 9000) for each in ("2-first", "3-second")
    }

    assert firsts == {"2-first": True, "3-second": False}


async def test_a_serving_process_folds_by_itself(sqlite: SqliteDatabase) -> None:
    await _two_days(sqlite)
    folding = asyncio.ensure_future(
        retention.keep_folding(sqlite, "first", 1, lambda: NOW + 9 * DAY_MS)
    )

    async with asyncio.timeout(30):
        while await usage.listed(sqlite, Filter(), 10):
            await asyncio.sleep(0.01)

    folding.cancel()


async def _two_days(store: SqliteDatabase) -> None:
    key = await acme_key(store)
    await hold(store, key, "a-old", 10)
    await hold(store, key, "new", 10, at_ms=NOW + DAY_MS)
    await settle(store, "a-old", 5)
    await settle(store, "new", 5)


async def _folded(
    calls: list[tuple[int, int, int | None]], keep_days: list[int]
) -> tuple[list[Line], list[Line], list[Difference]]:
    with TemporaryDirectory() as directory:
        store = SqliteDatabase(Path(directory) / "tollhouse.db")
        await store.migrate()
        key = await acme_key(store)
        for number, (day, amount, owed) in enumerate(calls):
            await hold(store, key, f"c{number}", amount, at_ms=NOW + day * DAY_MS)
            if owed is not None:
                await settle(store, f"c{number}", owed)
        before = await reports.report(store, KEPT, Scope())
        for days in keep_days:
            await retention.fold(store, days, NOW + 6 * DAY_MS)
        after = await reports.report(store, KEPT, Scope())
        differences = await budgets.verify(store)
        await store.close()
        return before.lines, after.lines, differences
